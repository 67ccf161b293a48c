"""Limits as decisions: what a limit is called, whom it counts a request for, who is let through, what callers are told.

A rate is a leaky bucket in its exact form, GCRA (ITU-T I.371): a bucket is known by when it will be empty again, its
TAT. Each request adds the period 1/rate; it is admitted while the bucket holds at most `burst - 1` periods.

Header lines are those of draft-ietf-httpapi-ratelimit-headers-10. Nanoseconds everywhere, of one clock.
"""

import hashlib
import math
from enum import IntEnum
from typing import Final

from gateway.core.address import address_key
from gateway.core.caller import Caller
from gateway.spec.limit import Limit
from gateway.spec.model import Spec

SECOND_NS: Final = 1_000_000_000
_DAY_SECONDS: Final = 86_400
LONGEST_KEY: Final = 200
"""Characters of a caller's name that are kept; subjects of tokens are the issuer's to choose."""
_DIGEST_BYTES: Final = 16


class Kind(IntEnum):
    """What a limit is about."""

    RATE = 0
    CONCURRENT = 1
    QUOTA = 2


class Rule:
    """One limit, compiled."""

    __slots__ = (
        "burst_ns",
        "by",
        "identity",
        "is_quota",
        "is_rate",
        "is_told",
        "limit",
        "name",
        "period_ns",
        "policy",
        "size",
    )

    def __init__(self, place: str, name: str, limit: Limit, *, is_fleet: bool) -> None:
        """`place` is where the spec has it: `limits`, or `routes/ROUTE/limits`; `is_fleet` says that rates are shared."""
        self.name = name
        self.limit = limit
        self.by: str = limit.by
        kind = kind_of(limit)
        self.is_rate = kind is Kind.RATE
        self.is_quota = kind is Kind.QUOTA
        self.is_told = self.is_quota or (self.is_rate and is_fleet)
        """Control is told of each request: it is counted beyond this gateway."""
        rate = limit.rate_per_second or 0.0
        self.period_ns = round(SECOND_NS / rate) if self.is_rate else 0
        """The time one request takes up; 0 for what is no rate."""
        self.size = size_of(limit)
        """How many requests: at once, under way, or in a period."""
        self.burst_ns = (self.size - 1) * self.period_ns
        """How full a bucket may be that still takes a request."""
        self.identity = f"{place}/{name}:{_parameters(limit, self.period_ns, self.size)}"
        """One limit in all of a gateway's runs, and in the store; with other numbers it is another limit."""
        self.policy = f'"{name}"{_policy(limit, self.size)}'.encode()
        """Its item of RateLimit-Policy."""

    def key(self, caller: Caller | None, client: str) -> str:
        """Name whom a request is counted for; `client` is its address, as far as that is believed."""
        if self.by == "all":
            return ""
        if self.by == "consumer" and caller is not None:
            return _bounded(caller.key)
        return f"@{address_key(client)}"


def _bounded(name: str) -> str:
    """Keep a name short that may be of any length, and different from all others."""
    if len(name) <= LONGEST_KEY:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{name[: LONGEST_KEY - len(digest) - 1]}~{digest}"


def kind_of(limit: Limit) -> Kind:
    """Say which of the three it is; a spec that was loaded states exactly one."""
    if limit.rate_per_second is not None:
        return Kind.RATE
    return Kind.QUOTA if limit.concurrent is None else Kind.CONCURRENT


def size_of(limit: Limit) -> int:
    """Give the number of requests a limit is about."""
    if limit.rate_per_second is not None:
        return limit.burst or max(1, int(limit.rate_per_second))
    return limit.concurrent or limit.quota or 0


def rules(spec: Spec, route: str) -> tuple[Rule, ...]:
    """Compile the limits of a route: those of all routes first, then its own."""
    is_fleet = spec.store is not None and not spec.store.is_of_one_host
    places = {"limits": spec.limits, f"routes/{route}/limits": spec.routes[route].limits}
    return tuple(
        Rule(place, name, limit, is_fleet=is_fleet)
        for place, limits in places.items()
        for name, limit in limits.items()
    )


def all_rules(spec: Spec) -> dict[str, Rule]:
    """Compile every limit of a spec, by identity."""
    return {rule.identity: rule for route in spec.routes for rule in rules(spec, route)}


def _parameters(limit: Limit, period_ns: int, size: int) -> str:
    match kind_of(limit):
        case Kind.RATE:
            return f"rate:{period_ns}:{size}:{limit.by}"
        case Kind.CONCURRENT:
            return f"concurrent:{limit.by}"
        case Kind.QUOTA:
            return f"quota:{limit.period}:{limit.by}"


def _policy(limit: Limit, size: int) -> str:
    match kind_of(limit):
        case Kind.RATE:
            rate = limit.rate_per_second or 0.0
            window_seconds = math.ceil(size / rate)
            return f";q={max(size, round(rate * window_seconds))};w={window_seconds}"
        case Kind.CONCURRENT:
            return f';q={size};qu="concurrent-requests"'
        case Kind.QUOTA:
            days = 1 if limit.period == "day" else 30
            return f";q={size};w={days * _DAY_SECONDS}"


def room(level_ns: int, burst_ns: int, period_ns: int) -> int:
    """How many requests a bucket takes that holds `level_ns` (its TAT less the time); 0 means that this one is refused."""
    if level_ns <= 0:
        return burst_ns // period_ns + 1
    return (burst_ns - level_ns) // period_ns + 1 if level_ns <= burst_ns else 0


def whole_seconds(duration_ns: int) -> int:
    """Round a time to wait up to whole seconds (RFC 9110 section 10.2.3)."""
    return -(-duration_ns // SECOND_NS)
