"""Where the gateway listens and what it bears: listeners, bounds, drain, log."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.spec.units import (
    Address,
    Bytes,
    Count,
    FilePath,
    Kind,
    Network,
    PerSecond,
    PositiveBytes,
    PositiveSeconds,
    Seconds,
    UrlPath,
)


class Certificate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One certificate; both files are read again when they change."""

    certificate: FilePath
    """PEM file of the certificate and its chain."""
    key: FilePath
    """PEM file of its key."""


class ClientCertificates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mutual TLS."""

    ca: FilePath
    """PEM file of the authorities that sign clients' certificates; read again when it changes."""
    optional: bool = False
    """Let through who shows none; a bad one is still refused."""


class ListenerTls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS on one listener."""

    certificates: tuple[Certificate, ...] = ()
    """Chosen by SNI from their names; the first is for clients that name no host, or an unknown one. None, on loopback
    only: one for `localhost`, signed by nobody, is made at each start."""
    minimum: Literal["1.2", "1.3"] = "1.2"
    """The oldest version spoken."""
    clients: ClientCertificates | None = None
    """Ask clients for a certificate. Absent: none is asked for."""
    hsts_days: Annotated[int, Meta(ge=0, le=730, description="days, from 0 to 730")] = field(default=0, name="hsts")
    """Days for which browsers shall use HTTPS only (RFC 6797); 0 says nothing."""
    handshake_seconds: PositiveSeconds = field(default=5, name="handshake")
    """From accept to the end of the handshake, absolute."""


class Listener(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One public listener."""

    address: Address
    """Where to bind: `127.0.0.1:8080`, `[::]:8080` or `unix:/path`; port 0 lets the kernel choose."""
    proxy_protocol: bool = False
    """Peers in `listen.trusted` must open with a PROXY protocol header (v1 or v2); from others it is refused."""
    tls: ListenerTls | None = None
    """Speak TLS here. Absent: plain HTTP."""
    redirect: Annotated[int, Meta(ge=1, le=65535, description="a port")] | None = None
    """Answer everything but health with 308 to `https://` on this port."""


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every socket of the gateway."""

    public: Annotated[tuple[Listener, ...], Meta(min_length=1)] = (Listener(address="127.0.0.1:8080"),)
    """Where clients connect."""
    control: Address = "127.0.0.1:9080"
    """Where operators and Prometheus connect: health, metrics, configuration. Not for the public."""
    trusted: tuple[Network, ...] = ()
    """Proxies in front of us, whose X-Forwarded-*, Forwarded and PROXY headers are believed."""
    backlog: Count = 4096
    """Connections the kernel keeps until a worker accepts them; capped by net.core.somaxconn."""
    health: UrlPath = "/.casino/health"
    """The health path on the public port: GET and HEAD, 200 or 503; `{health}/{upstream}` for one service."""


class Bounds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may cost. Every number is for the whole gateway or for one connection, as said."""

    head_bytes: PositiveBytes = field(default=32 * 1024, name="head")
    """Request line and headers together; more is 431."""
    head_count: Count = field(default=100, name="headers")
    """Header lines of one request; more is 431."""
    target_bytes: PositiveBytes = field(default=8 * 1024, name="target")
    """The request target, path and query together; more is 414."""
    body_bytes: Bytes = field(default=100 * 1000 * 1000, name="body")
    """One request body; more is 413."""
    head_seconds: PositiveSeconds = field(default=10, name="head_time")
    """From the first byte of a request to the end of its head, absolute; then 408."""
    body_seconds: PositiveSeconds = field(default=300, name="body_time")
    """From the head to the last byte of the body, absolute; then 408."""
    body_rate_bytes: PerSecond = field(default=1_000, name="body_rate")
    """Least bytes per second of a request body, judged over 5 s; slower is 408 and counts against the client."""
    idle_seconds: PositiveSeconds = field(default=75, name="idle")
    """How long a keep-alive connection may rest between requests."""
    pipelined_bytes: PositiveBytes = field(default=64 * 1024, name="pipelined")
    """Bytes of further requests that may wait behind the one being answered; beyond it reading stops."""
    connections: Count = 50_000
    """Client connections of the whole gateway."""
    connections_per_address: Count = 10_000
    """Connections per client address (IPv6: per /64)."""


class Drain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the gateway stops: readiness fails, `grace` passes, answers say `Connection: close`, at `deadline` it ends."""

    grace_seconds: Seconds = field(default=5, name="grace")
    """How long new connections are still served after readiness fails, so that load balancers can notice."""
    deadline_seconds: PositiveSeconds = field(default=30, name="deadline")
    """From the end of `grace` to the end of everything, whatever is still in flight."""


RingBytes = Annotated[
    int, Meta(ge=64 * 1024, le=2**30, description="a size such as `16MiB`", extra={"kind": Kind.SIZE})
]


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The access log: one JSON line per request."""

    to: Annotated[
        str,
        Meta(pattern=r"^(stdout|/[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f])$", description="`stdout` or an absolute path"),
    ] = "stdout"
    """`stdout` or an absolute path, reopened on SIGUSR1."""
    ring_bytes: RingBytes = field(default=16 * 1024 * 1024, name="ring")
    """Lines a worker may hold back for a slow sink; beyond it lines are dropped and counted."""


class Metrics(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How latency is counted."""

    latency_buckets: Annotated[tuple[PositiveSeconds, ...], Meta(min_length=1, max_length=50)] = (
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 0.75, 1, 2.5, 5, 10,
    )  # fmt: skip
    """Upper edges in ascending order; a latency objective should be one of them."""
    series: Count = 20_000
    """Most series a worker keeps; those beyond it are counted in `__overflow__`."""
