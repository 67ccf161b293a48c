"""What the edges of a gateway decide about a request: whether its address is let in, and what pages may read.

Order: the list of all routes, then of its route, then CORS. A preflight ends here, before identity and limits, which its
request will meet; whatever else asks OPTIONS is a request like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.cors import asked_method
from gateway.core.failure import Failure, Refused
from gateway.core.request import Request
from gateway.core.route import Found

if TYPE_CHECKING:
    from gateway.core.acl import AccessList
    from gateway.core.plan import Plan
    from gateway.core.route import Router
    from gateway.proxy.exchange import Exchange


def check_address(acl: AccessList, client: str) -> None:
    """Let a client's address in.

    Raises:
        Refused: `ADDRESS_DENIED`.

    """
    if not acl.allows(client):
        raise Refused(Failure.ADDRESS_DENIED)


def find_preflighted(router: Router, request: Request) -> Found | None:
    """Find the route of the request that a preflight announces; None unless it is one, for a route with CORS rules."""
    method = asked_method(request)
    if method is None:
        return None
    announced = Request(method, request.host, request.path, request.query, request.headers, request.client)
    found = router.find(announced)
    return found if isinstance(found, Found) and found.plan.cors is not None else None


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
