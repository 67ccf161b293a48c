"""What happens to a request before any upstream hears of it: bounds, host, path, route, arm, identity of the request.

The order is that of DESIGN.md section 3: host and path, route, caller, limits, arm. Where the caller is not known at once
the exchange waits, and `proceed` is what comes after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core import trace
from gateway.core.failure import Failure, Refused
from gateway.core.headers import join, tokens
from gateway.core.request import Header, Request
from gateway.core.route import Miss
from gateway.proxy.answers import problem
from gateway.proxy.edges import check_address, cross
from gateway.proxy.framing import CHUNKED

if TYPE_CHECKING:
    from gateway.core.identity import Gate
    from gateway.core.plan import Plan
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.head import RequestHead
    from gateway.proxy.table import Table
    from gateway.spec.listen import Bounds

_HEALTH_METHODS: Final = frozenset((b"GET", b"HEAD"))


_WITH_BODY: Final = frozenset((b"POST", b"PUT", b"PATCH"))
"""Methods for which an absent body is said aloud (RFC 9110 section 8.6)."""


def admit(exchange: Exchange) -> bool:
    """Judge a request and set where it goes; False if it has been answered here.

    Raises:
        Refused: with the failure to answer.

    """
    worker, head = exchange.worker, exchange.head
    identify(exchange)
    table = worker.table
    if table is None:
        raise Refused(Failure.NOT_READY)
    check_size(head, worker.bounds)
    address = table.locate(head.method, head.host, head.target)
    if address.is_health and head.method in _HEALTH_METHODS and _is_health(exchange, table, address.path):
        return False
    exchange.origin = origin = exchange.client.hop.origin(head.host, head.claims)
    if table.acl is not None:
        check_address(table.acl, origin.client)
    request = Request(address.method, address.host, address.path, address.query, head.headers, origin.client)
    exchange.request = request
    if exchange.client.entrance.judges and not exchange.client.entrance.judge(exchange, address):
        return False
    found, asks_ahead = table.find(request, head)
    if isinstance(found, Miss):
        if worker.overload.refuses:
            raise Refused(Failure.OVERLOAD)
        _miss(exchange, found)
        return False
    exchange.plan = plan = found.plan
    exchange.lane = lane = table.lanes[plan.name]
    worker.values[lane.in_flight] += 1
    if worker.overload.refuses and not worker.shedding.spares(exchange.client, head, plan.gate):
        raise Refused(Failure.OVERLOAD)
    if plan.has_edges and not cross(exchange, plan, request, preflight=asks_ahead):
        return False
    if head.length > plan.body_bytes:
        raise Refused(Failure.BODY_TOO_LARGE)
    exchange.target = address.wire if plan.rewrite.is_identity else plan.rewrite.target(request, found.fields)
    is_known = plan.gate is None or worker.gatekeeper.judge(exchange, plan.gate)
    return is_known and proceed(exchange)


def check_size(head: RequestHead, bounds: Bounds) -> None:
    """Hold a head to the bounds that its bytes do not tell.

    Raises:
        Refused: `TARGET_TOO_LONG` or `HEAD_TOO_LARGE`.

    """
    if len(head.target) > bounds.target_bytes:
        raise Refused(Failure.TARGET_TOO_LONG)
    if head.count > bounds.head_count:
        raise Refused(Failure.HEAD_TOO_LARGE)


def proceed(exchange: Exchange) -> bool:
    """Hold a request whose caller is known to its limits and choose its arm; False if it has been answered here.

    Raises:
        Refused: with the failure to answer.

    """
    plan, request, lane = exchange.plan, exchange.request, exchange.lane
    assert plan is not None
    assert request is not None
    if lane.limiter is not None:
        lane.limiter.admit(exchange)
    split = plan.split
    if split is None:
        _give_answer(exchange, plan)
        return False
    exchange.arm = arm = split.choose(request, lane.draws.next())
    exchange.service = lane.services[arm]
    if exchange.head.upgrade:
        _consider_upgrade(exchange, plan)
    return True


def _give_answer(exchange: Exchange, plan: Plan) -> None:
    answer = plan.answer
    assert answer is not None
    exchange.counted = not answer.maintenance
    exchange.answer(answer.status, plan.response_headers.apply(answer.headers), answer.body)


def request_head(exchange: Exchange, plan: Plan, target_host: bytes) -> bytes:
    """Write the request head as the target is sent it; `target_host` is empty where the client's Host is kept."""
    head, origin = exchange.head, exchange.origin
    assert origin is not None
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b%bx-request-id: %b\r\ntraceparent: %b\r\nvia: 1.1 casino\r\n%b" % (
        head.method,
        exchange.target,
        plan.rewrite.host or target_host or head.host,
        plan.request_headers.lines(head.headers, head.lines)
        if plan.gate is None
        else _introduced(exchange, plan, plan.gate),
        origin.lines,
        exchange.request_id.encode(),
        exchange.traceparent,
        _framing(exchange) if head.length or head.method in _WITH_BODY or exchange.upgrade else b"\r\n",
    )


def _introduced(exchange: Exchange, plan: Plan, gate: Gate) -> bytes:
    """Write what passes of a guarded request's headers, and who calls: behind the route's rules, which cannot change it."""
    head, caller = exchange.head, exchange.caller
    if head.screened_by is not gate:
        head.screened = gate.screened(head.headers, head.scheme)
        head.screened_lines = join(head.screened)
        head.screened_by = gate
    lines = plan.request_headers.lines(head.screened, head.screened_lines)
    return lines if caller is None else lines + caller.lines


def _framing(exchange: Exchange) -> bytes:
    if exchange.upgrade:
        return b"connection: upgrade\r\nupgrade: %b\r\n\r\n" % exchange.upgrade
    length = exchange.head.length
    return b"transfer-encoding: chunked\r\n\r\n" if length == CHUNKED else b"content-length: %d\r\n\r\n" % length


def identify(exchange: Exchange) -> None:
    """Name the request before anything can fail, so that every answer and every line can be found."""
    head = exchange.head
    digits = exchange.worker.identities.next()
    exchange.trace_id = exchange.request_id = digits[:32]
    if head.traceparent:
        followed = trace.follow(head.traceparent, digits)
        exchange.trace_id = followed.trace_id
        exchange.traceparent = followed.header()
    else:
        exchange.traceparent = f"00-{digits[:32]}-{digits[32:]}-01".encode()
    if head.request_id and exchange.client.hop.trusted:
        exchange.request_id = trace.request_id(head.request_id, digits)


def _consider_upgrade(exchange: Exchange, plan: Plan) -> None:
    head = exchange.head
    asked = b"upgrade" in tokens(head.connection)
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
