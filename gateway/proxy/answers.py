"""Status lines, and the problem bodies (RFC 9457) of answers the gateway gives for failures."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.core.failure import MEANING, STATUS, Failure

if TYPE_CHECKING:
    from gateway.core.plan import Plan
    from gateway.core.request import Header
    from gateway.proxy.exchange import Exchange

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode() for status in range(100, 1000)
}
_RETRY_AFTER: Final = frozenset((Failure.OVERLOAD, Failure.BREAKER_OPEN, Failure.POOL_FULL, Failure.NOT_READY))
"""Failures that pass by themselves: the client is asked to come back."""


class Problem(msgspec.Struct, frozen=True):
    """The body of a failure. It says what the client may know, never an address, a name or an exception."""

    title: str
    status: int
    detail: str
    failure: str
    instance: str
    """The request id, to be quoted to the operator."""


def problem(exchange: Exchange, failure: Failure, more: tuple[Header, ...] = ()) -> tuple[int, list[Header], bytes]:
    """Give status, headers and body that tell a client of a failure."""
    return STATUS[failure], failure_headers(failure, exchange.plan, more), failure_body(failure, exchange.request_id)


def failure_body(failure: Failure, instance: str) -> bytes:
    """Write the body that tells of a failure to the client of one request."""
    status = STATUS[failure]
    title = _PHRASES.get(status, "Client Closed Request")
    return msgspec.json.encode(Problem(title, status, MEANING[failure], failure.value, instance))


def failure_headers(failure: Failure, plan: Plan | None, more: tuple[Header, ...] = ()) -> list[Header]:
    """List the headers that tell of a failure; `plan` is that of the route, if one was found."""
    headers: list[Header] = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        (b"casino-failure", failure.value.encode()),
        *more,
    ]
    if plan is not None:
        headers += plan.response_headers.defaults
    if failure in _RETRY_AFTER:
        headers.append((b"retry-after", b"1"))
    return headers
