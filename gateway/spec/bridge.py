"""PagerDuty, and the bridge that carries Alertmanager's alerts there."""

from typing import Annotated

from msgspec import Meta, Struct, field

from gateway.spec.secret import Secret
from gateway.spec.units import Address, Bytes, FilePath, Name, PositiveSeconds, Seconds

HttpUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~%/-]*[A-Za-z0-9._~%-])?$",
        max_length=300,
        description="the beginning of a URL such as `http://127.0.0.1:9093`, without `/` at its end",
    ),
]
Folder = Annotated[
    str, Meta(pattern="^/.*[^/]$", max_length=1_000, description="an absolute path such as `/var/lib/casino-bridge`")
]


class BridgeTls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS of the bridge's port."""

    certificate: FilePath
    """PEM file of the certificate and its chain."""
    key: FilePath
    """PEM file of its key."""
    clients: FilePath | None = None
    """PEM file of the authorities that sign clients' certificates: then a client without one is refused."""


class Callers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Alertmanager, Prometheus and the other bridge of a pair call a bridge over TLS; each reads these files on its own machine."""

    ca: FilePath | None = None
    """PEM file of the authorities trusted for this bridge's certificate, instead of the system's."""
    certificate: FilePath | None = None
    """PEM file of the certificate, and its chain, that they show to a bridge with `tls.clients`."""
    key: FilePath | None = None
    """PEM file of its key. Absent: it is in the certificate's file."""


class Peer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The other bridge of a pair. Alertmanager tells both of everything; one of them sends."""

    url: HttpUrl
    """Where its port is."""
    token: Secret | None = None
    """One of its `tokens`."""
    ca: FilePath | None = None
    """PEM file of the authorities trusted for its certificate, instead of the system's."""


class Bridge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`casino bridge serve`: where it listens, whom it believes, what it keeps."""

    listen: Address = "127.0.0.1:9082"
    """Where Alertmanager finds `/alertmanager`. Beyond this machine it needs `tokens` or `tls.clients`."""
    url: HttpUrl | None = None
    """Where Alertmanager and Prometheus reach it. Absent: at `listen`."""
    tokens: dict[Name, Secret] = {}
    """Bearer tokens, any of which lets Alertmanager or the peer in. None: whoever reaches the port. Alertmanager shows that
    named `alertmanager`, or else the first."""
    tls: BridgeTls | None = None
    """Absent: plain HTTP."""
    callers: Callers = Callers()
    """What those who call it trust and show."""
    state: Folder = "/var/lib/casino-bridge"
    """Where the queue is kept. On a disk that survives a restart."""
    peer: Peer | None = None
    """Absent: this bridge is alone, and sends."""
    watchdog_seconds: Seconds = field(default=300, name="watchdog")
    """The bridge pages by itself when the alert Watchdog was not heard of for so long. 0: it is not expected."""
    ping: Secret | None = None
    """A URL that is asked for once a minute while all is well: the second path, which notices the bridge's own death."""
    reconcile_seconds: PositiveSeconds = field(default=15, name="reconcile")
    """How often open incidents are compared with Alertmanager."""
    grace_seconds: Seconds = field(default=120, name="grace")
    """An incident that no Alertmanager lists for so long is resolved."""
    warm_up_seconds: Seconds = field(default=300, name="warm_up")
    """An Alertmanager that runs for less is not believed when it lists nothing."""
    retention_days: Annotated[int, Meta(ge=2, le=366, description="days, from 2 to 366")] = field(
        default=14, name="retention"
    )
    """How long the audit, closed incidents and dead letters are kept; an event that waited longer becomes a dead letter."""
    size_bytes: Bytes = field(default=1_000_000_000, name="size")
    """The most that the queue's file may take; when it is full, Alertmanager gets 503 and tries again."""

    @property
    def is_guarded(self) -> bool:
        """Whether only those come in who can show something."""
        return bool(self.tokens) or (self.tls is not None and self.tls.clients is not None)
