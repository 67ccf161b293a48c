"""What happens to a request before any upstream hears of it: bounds, host, path, route, arm, identity of the request.

The order is that of DESIGN.md section 3. Authentication and rate limits will stand between route and arm.
"""

from __future__ import annotations

from random import getrandbits
from typing import TYPE_CHECKING, Final

from gateway.core import trace
from gateway.core.failure import Failure, Refused
from gateway.core.request import Header, Request
from gateway.core.route import Miss
from gateway.proxy.answers import problem
from gateway.proxy.framing import CHUNKED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.forwarded import Origin
    from gateway.core.plan import Plan
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.table import Table

_HEALTH_METHODS: Final = frozenset((b"GET", b"HEAD"))


class Admitted:
    """A request that may go on: everything that is said to the upstream is known."""

    __slots__ = ("_lines", "_target", "exchange", "origin", "plan", "request")

    def __init__(
        self, exchange: Exchange, plan: Plan, request: Request, fields: Mapping[str, str], origin: Origin
    ) -> None:
        self.exchange = exchange
        self.plan = plan
        self.request = request
        self.origin = origin
        self._target = plan.rewrite.target(request, fields)
        self._lines: bytes | None = None

    def wire(self, target_host: bytes) -> bytes:
        """Give the request head as this target is sent it."""
        head, plan = self.exchange.head, self.plan
        host = plan.rewrite.host or target_host or head.host
        if self._lines is None:
            self._lines = self._write_lines()
        return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b" % (head.method, self._target, host, self._lines)

    def _write_lines(self) -> bytes:
        exchange = self.exchange
        head = exchange.head
        headers = self.plan.request_headers.apply(head.headers)
        lines = [b"%b: %b\r\n" % header for header in headers]
        lines.append(self.origin.lines)
        lines.append(
            b"x-request-id: %b\r\ntraceparent: %b\r\nvia: 1.1 casino\r\n"
            % (exchange.request_id.encode(), exchange.trace_id_header)
        )
        if head.length == CHUNKED:
            lines.append(b"transfer-encoding: chunked\r\n\r\n")
        elif head.length or head.method in _WITH_BODY:
            lines.append(b"content-length: %d\r\n\r\n" % head.length)
        elif exchange.upgrade:
            lines.append(b"connection: upgrade\r\nupgrade: %b\r\n\r\n" % exchange.upgrade)
        else:
            lines.append(b"\r\n")
        return b"".join(lines)


_WITH_BODY: Final = frozenset((b"POST", b"PUT", b"PATCH"))
"""Methods for which an absent body is said aloud (RFC 9110 section 8.6)."""


def admit(exchange: Exchange) -> Admitted | None:
    """Judge a request; None if it has been answered here.

    Raises:
        Refused: with the failure to answer.

    """
    worker, head, client = exchange.worker, exchange.head, exchange.client
    _identify(exchange)
    table = worker.table
    if table is None:
        raise Refused(Failure.NOT_READY)
    bounds = worker.bounds
    if len(head.target) > bounds.target_bytes:
        raise Refused(Failure.TARGET_TOO_LONG)
    if len(head.headers) + len(head.claims) > bounds.head_count:
        raise Refused(Failure.HEAD_TOO_LARGE)
    address = table.locate(head.method, head.host, head.target)
    if (
        address.path.startswith(table.health)
        and head.method in _HEALTH_METHODS
        and _is_health(exchange, table, address.path)
    ):
        return None
    if worker.overload.shed():
        raise Refused(Failure.OVERLOAD)
    origin = client.hop.origin(head.host, head.claims)
    request = Request(address.method, address.host, address.path, address.query, head.headers, origin.client)
    found = table.router.find(request)
    if isinstance(found, Miss):
        _miss(exchange, found)
        return None
    plan = found.plan
    exchange.lane = lane = table.lanes[plan.name]
    worker.account.routed(exchange)
    if head.length > plan.body_bytes:
        raise Refused(Failure.BODY_TOO_LARGE)
    if plan.answer is not None:
        exchange.counted = not plan.answer.maintenance
        exchange.answer(plan.answer.status, plan.response_headers.apply(plan.answer.headers), plan.answer.body)
        return None
    assert plan.split is not None
    exchange.arm = arm = plan.split.choose(request, lane.draws.next())
    exchange.service = lane.services[arm]
    if head.upgrade:
        _consider_upgrade(exchange, plan)
    return Admitted(exchange, plan, request, found.fields, origin)


def _identify(exchange: Exchange) -> None:
    """Name the request before anything can fail, so that every answer and every line can be found."""
    head = exchange.head
    bits = getrandbits(192)
    followed = trace.follow(head.traceparent, trace_bits=bits >> 64 or 1, span_bits=bits & 0xFFFFFFFFFFFFFFFF or 1)
    exchange.trace_id = followed.trace_id
    exchange.trace_id_header = followed.header()
    hop = exchange.client.hop
    exchange.request_id = trace.request_id(head.request_id, trusted=hop.trusted, bits=bits >> 64)


def _consider_upgrade(exchange: Exchange, plan: Plan) -> None:
    head = exchange.head
    asked = b"upgrade" in [token.strip().lower() for token in head.connection.split(b",")]
    if asked and head.http11 and head.method == b"GET" and not head.length and head.upgrade in plan.upgrades:
        exchange.upgrade = head.upgrade


def _is_health(exchange: Exchange, table: Table, path: str) -> bool:
    health = table.healthy(path, ready=exchange.worker.ready)
    if health is None:
        return False
    exchange.counted = False
    body = b'{"status":"up"}' if health else b'{"status":"down"}'
    headers: list[Header] = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    exchange.answer(200 if health else 503, headers, body)
    return True


def _miss(exchange: Exchange, miss: Miss) -> None:
    exchange.failure = miss.failure
    more = ((b"allow", ", ".join(miss.allow).encode()),) if miss.allow else ()
    exchange.answer(*problem(exchange, miss.failure, more))
