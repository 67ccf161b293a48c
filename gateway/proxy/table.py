"""One snapshot, ready to serve: the router, and for each route what counts it and where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from exporters.catalog.gateway import (
    DURATION,
    FAILURES,
    FIRST_BYTE,
    IN_FLIGHT,
    PREFLIGHTS,
    RECEIVED,
    REQUESTS,
    RESPONSES,
    SENT,
)
from gateway.core import host, target
from gateway.core.acl import compile_list
from gateway.core.failure import Failure, Refused
from gateway.core.path import normalise
from gateway.core.recent import remember
from gateway.core.route import Router
from gateway.core.split import Draws

if TYPE_CHECKING:
    from gateway.core.plan import Plan
    from gateway.core.request import Request
    from gateway.core.route import Found, Miss
    from gateway.core.snapshot import Snapshot
    from gateway.proxy.head import RequestHead
    from gateway.proxy.limits import Limiter, Limits
    from gateway.proxy.service import Service
    from gateway.store.tally import Histogram, Tally

_REMEMBERED: Final = 2048
_LONGEST_REMEMBERED: Final = 256
UNROUTED: Final = "-"
"""The route of requests that match none, and the arm of answers that no version gave: no name of a spec."""
_REFUSING: Final = (
    Failure.OVERLOAD,
    Failure.UNAUTHENTICATED,
    Failure.RATE_LIMITED,
    Failure.CONCURRENCY_LIMITED,
    Failure.QUOTA_EXCEEDED,
    Failure.TOO_MANY_TOKENS,
)
"""Whose counts rules read. They are there from the start: of a series that begins at 1, `rate` does not see the 1."""
_CLASSES: Final = (
    *((f"{digit}xx", source) for digit in range(2, 6) for source in ("upstream", "gateway")),
    ("4xx", "client"),
    ("499", "client"),
)


class Address(NamedTuple):
    """What a request asks for, in the one form used everywhere."""

    method: str
    host: str
    path: str
    query: str
    wire: bytes
    """Path and query as a request line has them."""
    is_health: bool


class Meter:
    """The counters of one arm of one route: all there from the start, at 0."""

    __slots__ = ("duration", "first_byte", "requests")

    def __init__(self, tally: Tally, route: str, arm: str, edges: tuple[float, ...]) -> None:
        self.requests = {each: tally.index(REQUESTS, (route, arm, *each)) for each in _CLASSES}
        self.first_byte: Histogram = tally.histogram(FIRST_BYTE, (route, arm), edges)
        self.duration: Histogram = tally.histogram(DURATION, (route, arm), edges)


class Lane:
    """What one worker keeps for one route."""

    __slots__ = (
        "_tally",
        "draws",
        "failures",
        "in_flight",
        "limiter",
        "meters",
        "name",
        "received",
        "responses",
        "sent",
        "services",
    )

    def __init__(
        self,
        tally: Tally,
        name: str,
        *,
        services: dict[str, Service],
        limiter: Limiter | None = None,
        edges: tuple[float, ...] = (),
        start: float = 0.0,
    ) -> None:
        """`services` by arm; none for a route that answers by itself. Without edges nothing counts for objectives."""
        self._tally = tally
        self.name = name
        self.services = services
        self.limiter = limiter
        """What its requests are held to, if to anything."""
        self.draws = Draws(start)
        arms = ("", *services) if edges else ()
        self.meters = {arm: Meter(tally, name, arm or UNROUTED, edges) for arm in arms}
        self.in_flight = tally.index(IN_FLIGHT, (name,))
        self.received = tally.index(RECEIVED, (name,))
        self.sent = tally.index(SENT, (name,))
        self.responses: dict[tuple[bytes, int], int] = {}
        self.failures = {each: tally.index(FAILURES, (name, each.value)) for each in _REFUSING}

    def response(self, method: bytes, status: int) -> int:
        """Where answers of this method and status are counted."""
        index = self._tally.index(RESPONSES, (self.name, method.decode() or UNROUTED, str(status)))
        self.responses[method, status] = index
        return index

    def preflighted(self, *, granted: bool) -> None:
        """Count a preflight that the gateway answered."""
        self._tally.add(PREFLIGHTS, (self.name, "granted" if granted else "refused"))

    def fault(self, failure: Failure) -> int:
        """Where answers with this failure are counted."""
        index = self._tally.index(FAILURES, (self.name, failure.value))
        self.failures[failure] = index
        return index


class Table:
    """Everything a worker reads of a snapshot while it serves."""

    __slots__ = ("_limits", "_memo", "acl", "has_cors", "health", "lanes", "router", "services", "snapshot")

    def __init__(
        self,
        snapshot: Snapshot,
        tally: Tally,
        services: dict[tuple[str, str], Service],
        *,
        limits: Limits,
        start: float,
    ) -> None:
        self.snapshot = snapshot
        self._limits = limits
        self.services = services
        self.router = Router(snapshot.spec)
        self.acl = compile_list(snapshot.spec.addresses)
        self.has_cors = any(plan.cors is not None for plan in self.router.plans.values())
        self.health = snapshot.spec.listen.health
        edges = snapshot.spec.metrics.latency_buckets
        self.lanes = {name: self._lane(tally, plan, edges, start) for name, plan in self.router.plans.items()}
        self._memo: dict[tuple[bytes, bytes, bytes], Address] = {}

    def _lane(self, tally: Tally, plan: Plan, edges: tuple[float, ...], start: float) -> Lane:
        arms = plan.split.versions if plan.split else ()
        services = {arm: self.services[plan.upstream_name or "", arm] for arm in arms}
        if plan.cors is not None:
            for result in ("granted", "refused"):
                tally.index(PREFLIGHTS, (plan.name, result))
        limiter = self._limits.limiter(plan)
        return Lane(tally, plan.name, services=services, limiter=limiter, edges=edges, start=start)

    def locate(self, method: bytes, host_value: bytes, target_value: bytes) -> Address:
        """Read host and target into their normal forms.

        Raises:
            Refused: what is invalid or ambiguous.

        """
        key = (method, host_value, target_value)
        address = self._memo.get(key)
        if address is None:
            address = self._read(*key)
            if len(host_value) + len(target_value) <= _LONGEST_REMEMBERED:
                remember(self._memo, key, address, _REMEMBERED)
        return address

    def find(self, request: Request, head: RequestHead) -> tuple[Found | Miss, bool]:
        """Find the route of a request, or of the one that a preflight announces; and say whether it is one."""
        if self.has_cors and head.method == b"OPTIONS" and not head.length:
            announced = self.router.find_announced(request)
            if announced is not None:
                return announced, True
        return self.router.find(request), False

    def _read(self, method: bytes, host_value: bytes, target_value: bytes) -> Address:
        try:
            verb, text = method.decode("ascii"), target_value.decode("ascii")
            name = host.parse(host_value.decode("ascii")).name if host_value else ""
        except UnicodeDecodeError:
            raise Refused(Failure.BAD_REQUEST) from None
        authority, path, query = target.split(text, verb)
        if authority is not None and host.parse(authority) != host.parse(host_value.decode("ascii")):
            raise Refused(Failure.BAD_HOST)
        path = path if path == "*" else normalise(path)
        wire = (f"{path}?{query}" if query else path).encode()
        return Address(verb, name, path, query, wire, path.startswith(self.health))

    def healthy(self, path: str, *, ready: bool) -> bool | None:
        """Answer the public health path: the gateway's own health, or one upstream's; None for any other path."""
        if path == self.health:
            return ready
        name = path.removeprefix(self.health + "/")
        versions = [service for (upstream, _), service in self.services.items() if upstream == name]
        if not versions or name == path:
            return None
        return ready and any(service.is_up for service in versions)
