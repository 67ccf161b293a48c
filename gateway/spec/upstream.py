"""Services behind the gateway: named versions, their targets, and the policies that guard calls to them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.spec.units import (
    Bytes,
    CookieName,
    Count,
    FilePath,
    HeaderName,
    Name,
    PositiveSeconds,
    RequestTarget,
    Seconds,
    Share,
    Status,
    TargetUrl,
    Weight,
)


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place where a version runs."""

    url: TargetUrl
    """`http://host:port`, `https://host`, `srv://_http._tcp.name` (`srvs` with TLS) or `unix:/path`."""
    weight: Weight = 1
    """Its part of the version's requests, relative to the other targets; 0 takes none."""


class Version(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One build of a service."""

    targets: Annotated[tuple[Target, ...], Meta(min_length=1)]
    """Where this version runs."""


class Balance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a target is chosen."""

    by: Literal["round_robin", "least_outstanding", "hash"] = "round_robin"
    """`round_robin` by weight; `least_outstanding` of two targets drawn by weight; `hash`: the same client, the same
    target."""
    header: HeaderName | None = None
    """With `hash`: the header that keeps to one target. Neither header nor cookie: the client's address."""
    cookie: CookieName | None = None
    """With `hash`: the cookie that keeps to one target."""


class Health(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Active checks, made by the control process, once for the whole gateway."""

    path: RequestTarget | None = None
    """GET this path; without it the check is a TCP connection."""
    every_seconds: PositiveSeconds = field(default=5, name="every")
    """Pause between two checks of a target."""
    timeout_seconds: PositiveSeconds = field(default=1, name="timeout")
    """A check that takes longer is a bad answer."""
    status: Annotated[tuple[Status, ...], Meta(min_length=1)] = (200, 204)
    """Status codes that are good answers."""
    healthy: Count = 2
    """Good answers in a row that bring a target back."""
    unhealthy: Count = 2
    """Bad answers in a row that take it out."""


class Ejection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Passive outlier detection: a target whose requests fail is left out for a while."""

    failures_ratio: Share = field(default=0.5, name="failures")
    """The share of a target's requests in the window that must fail."""
    requests: Count = 10
    """Fewest requests in the window before a share of failures says anything."""
    window_seconds: PositiveSeconds = field(default=10, name="window")
    """How far back requests count."""
    eject_seconds: PositiveSeconds = field(default=10, name="for")
    """First ejection; each following one is longer by this much, at most ten times."""
    most_ratio: Share = field(default=0.5, name="most")
    """The greatest share of a version's targets that may be out at once."""


class Timeouts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each phase of an upstream call."""

    connect_seconds: PositiveSeconds = field(default=0.25, name="connect")
    """To open a connection, TLS included, over all addresses of a name."""
    first_byte_seconds: PositiveSeconds = field(default=15, name="first_byte")
    """From the request sent to the first byte of the answer."""
    idle_seconds: PositiveSeconds = field(default=30, name="idle")
    """Longest silence within an answer's body."""
    total_seconds: PositiveSeconds = field(default=60, name="total")
    """From the head of the request to the last byte of the answer, retries included."""


class Retry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Retries happen on another target, and only while nothing was sent to the client."""

    attempts: Annotated[int, Meta(ge=0, le=5, description="a whole number from 0 to 5")] = 1
    """Tries after the first."""
    budget_ratio: Share = field(default=0.2, name="budget")
    """Retries allowed as a share of the requests of the last 10 s (at least 3 a second are)."""
    on: tuple[Literal["connect", "reset", "timeout", "502", "503", "504"], ...] = ("connect", "reset")
    """What is tried again: no connection, a connection lost before the answer, a first-byte timeout, or a status."""
    unsafe: bool = False
    """Retry POST and PATCH too, after they may have been received. Rarely right."""
    body_bytes: Bytes = field(default=64 * 1024, name="body")
    """A larger request body is not kept, so its request is not retried."""


class Breaker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The circuit breaker of one version: opens on a share of failures, probes while half open."""

    failures_ratio: Share = field(default=0.5, name="failures")
    """The share of the version's requests in the window that must fail."""
    requests: Count = 20
    """Fewest requests in the window before a share of failures says anything."""
    window_seconds: PositiveSeconds = field(default=10, name="window")
    """How far back requests count."""
    open_seconds: PositiveSeconds = field(default=5, name="open")
    """How long it stays open before it lets probes through."""
    probes: Count = 3
    """Requests let through while half open; all must succeed to close it."""


class Connections(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pool of keep-alive connections to one target; the numbers are for the whole gateway."""

    most: Count = 1024
    """Open connections to one target."""
    queue: Annotated[int, Meta(ge=0, le=100_000, description="a whole number from 0 to 100000")] = 1024
    """Requests that may wait for a connection; the next one gets 503 `pool_full`."""
    queue_seconds: PositiveSeconds = field(default=1, name="queue_time")
    """How long a request may wait for a connection; then 503 `pool_full`."""
    idle_seconds: PositiveSeconds = field(default=30, name="idle")
    """An unused connection is closed after this; keep it below the upstream's own keep-alive time."""


ServerName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,253}$", description="a host name such as `dice.internal`")]


class UpstreamTls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS to `https://` targets: verified, with SNI, unless told otherwise."""

    verify: bool = True
    """Check the certificate's chain and name."""
    ca: FilePath | None = None
    """PEM file of trusted authorities instead of the system's."""
    server_name: ServerName | None = field(default=None, name="name")
    """SNI and the name verified, instead of the target's host."""
    certificate: FilePath | None = None
    """PEM file of our own certificate and its chain, for upstreams that ask who we are."""
    key: FilePath | None = None
    """PEM file of the certificate's key."""


class Upstream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service: its versions and the policies all of them share."""

    versions: Annotated[dict[Name, Version], Meta(min_length=1)]
    """Builds of the service that run side by side."""
    balance: Balance = Balance()
    """How a target is chosen."""
    health: Health | None = None
    """Active checks. Absent: none are made."""
    ejection: Ejection | None = None
    """Passive outlier detection. Absent: no target is ejected."""
    timeouts: Timeouts = Timeouts()
    """How long each phase of a call may take."""
    retry: Retry | None = None
    """Which failed calls are tried again. Absent: none."""
    breaker: Breaker | None = None
    """When to leave a failing version alone for a moment. Absent: never."""
    connections: Connections = Connections()
    """The pool of connections to each target."""
    slow_start_seconds: Seconds = field(default=0, name="slow_start")
    """Time over which a target that comes back grows from a tenth of its share to all of it."""
    tls: UpstreamTls = UpstreamTls()
    """How `https://` and `srvs://` targets are spoken to."""
    host: Literal["keep", "target"] = "keep"
    """The Host header upstream: the client's, or the target's own name."""
