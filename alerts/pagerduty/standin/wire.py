"""Spoils answers on the socket, as a fault says."""

import asyncio
import socket
import struct

from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.faults import Fault, Kind

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST instead of FIN (socket(7))."""
ELSEWHERE = "/standin/elsewhere"


async def spoil(request: Request, fault: Fault, answer: HTTPResponse) -> HTTPResponse | None:
    """Return what is answered instead; None: it is out already. Resets and hangs end with the connection."""
    match fault.kind:
        case Kind.LOST:
            return answer
        case Kind.SLOW:
            await asyncio.sleep(fault.seconds)
            return answer
        case Kind.DRIP:
            await _drip(request, answer, fault.seconds)
            return None
        case Kind.RESET | Kind.TAKEN_RESET:
            _reset(request)
            await _connection_end()
        case Kind.HANG:
            await _connection_end()
    return _other(fault, answer.status)


def _other(fault: Fault, usual: int) -> HTTPResponse:
    """Make the answer of a fault that is one, none of them JSON."""
    status = fault.status(usual)
    if fault.kind is Kind.EMPTY:
        return HTTPResponse(b"", status)
    title = "Accepted" if fault.kind is Kind.HTML else f"{status} on command"
    headers = {"location": ELSEWHERE} if fault.kind is Kind.REDIRECT else {}
    return HTTPResponse(f"<html><title>{title}</title></html>".encode(), status, headers, "text/html")


def _reset(request: Request) -> None:
    assert request.transport is not None
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    request.transport.close()


async def _connection_end() -> None:
    """Wait until Sanic cancels the handler because the connection is gone."""
    await asyncio.Event().wait()


async def _drip(request: Request, answer: HTTPResponse, pause_seconds: float) -> None:
    body = answer.body or b""
    headers = {**answer.headers, "content-length": str(len(body))}
    response = await request.respond(status=answer.status, headers=headers, content_type=answer.content_type)
    assert response is not None
    for byte in body:
        await response.send(bytes((byte,)))
        await asyncio.sleep(pause_seconds)
