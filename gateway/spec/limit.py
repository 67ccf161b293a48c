"""Limits: how much a caller may ask for, at what rate, how much at once, and in a day or month."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.spec.secret import Secret
from gateway.spec.units import Count, FilePath, Kind, PerSecond, PositiveSeconds


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit for the whole gateway, however connections fall on workers. Exactly one of `rate`, `concurrent` and
    `quota` is given. On a route it is that route's alone; in the top-level `limits` all routes share it.
    """

    rate_per_second: PerSecond | None = field(default=None, name="rate")
    """`100/s`, `600/m`: requests in steady state."""
    burst: Count | None = None
    """With `rate`: requests that may come at once. Absent: what the rate gives in one second, at least 1."""
    concurrent: Count | None = None
    """Requests under way at the same time."""
    quota: Count | None = None
    """Requests in each `period`; kept in the store."""
    period: Literal["day", "month"] = "day"
    """With `quota`: a calendar day or month, in UTC."""
    by: Literal["all", "address", "consumer"] = "all"
    """Whom the number is for: all callers together, each client address (IPv6: each /64), or each consumer (a caller
    without identity counts by address)."""


StoreUrl = Annotated[
    str,
    Meta(
        pattern=r"^(sqlite:.+|rediss?://[^\s@]+|redis\+unix:/\S+)$",
        description="`sqlite:PATH`, `redis://host:6379/0`, `rediss://…` (TLS) or `redis+unix:/path`, without a password",
        extra={"kind": Kind.STORE},
    ),
]


class Store(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What gateways share: SQLite on one host, Redis for a fleet. Down or slow, it never delays a request."""

    url: StoreUrl
    """Where it is; the path of an SQLite file is relative to the file of the spec that names it."""
    password: Secret | None = None
    """Redis' password."""
    user: Annotated[str, Meta(max_length=100)] | None = None
    """Redis' user (ACL)."""
    ca: FilePath | None = None
    """With `rediss:`: PEM file of trusted authorities instead of the system's."""
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9:_.-]{1,50}$", description="text in front of every key")] = (
        "casino:"
    )
    """Keeps two fleets in one Redis apart."""
    sync_seconds: PositiveSeconds = field(default=0.1, name="sync")
    """How often what was used is told and what others used is learnt: the error of shared limits grows with it."""
    timeout_seconds: PositiveSeconds = field(default=0.5, name="timeout")
    """One exchange with the store; a slower one counts as failed, and local limits go on alone."""

    @property
    def is_of_one_host(self) -> bool:
        """Whether it keeps quotas alone: the gateways of one host share a file, and each keeps its own rates."""
        return self.url.startswith("sqlite:")
