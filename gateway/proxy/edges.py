"""What the edges of a gateway decide about a request: whether its address is let in, and what pages may read.

Order: the list of all routes, then of its route, then CORS. A preflight ends here, before identity and limits, which its
request will meet; whatever else asks OPTIONS is a request like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.failure import Failure, Refused

if TYPE_CHECKING:
    from gateway.core.acl import AccessList
    from gateway.core.plan import Plan
    from gateway.core.request import Request
    from gateway.proxy.exchange import Exchange


def check_address(acl: AccessList, client: str) -> None:
    """Let a client's address in.

    Raises:
        Refused: `ADDRESS_DENIED`.

    """
    if not acl.allows(client):
        raise Refused(Failure.ADDRESS_DENIED)


def cross(exchange: Exchange, plan: Plan, request: Request, *, preflight: bool) -> bool:
    """Apply the route's address list and CORS rules; False if the request was a preflight and has been answered.

    Raises:
        Refused: `ADDRESS_DENIED`.

    """
    cors = plan.cors
    origin = None if cors is None else request.header("origin")
    if cors is not None:
        exchange.notes += cors.lines(origin)
    if plan.acl is not None:
        check_address(plan.acl, request.client)
    if cors is None or not preflight:
        return True
    exchange.notes += cors.permissions(origin)
    method, headers = request.header("access-control-request-method"), request.header("access-control-request-headers")
    exchange.lane.preflighted(granted=cors.grants(origin, method or "", headers or ""))
    exchange.counted = False
    exchange.answer(204, [], b"")
    return False
