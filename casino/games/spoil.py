"""How an answer is spoiled on the wire."""

import asyncio
import socket
import struct
from typing import assert_never

import msgspec
from sanic import HTTPResponse, Request
from sanic.exceptions import ServerError

from casino.games.switches import Fault

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST instead of FIN (socket(7))."""
MISSING_BYTES = 10


async def spoil(request: Request, fault: Fault, body: bytes) -> HTTPResponse:
    """Spoil one answer. Returns only for faults that are an answer; the others end with the connection."""
    match fault:
        case Fault.ERROR:
            raise ServerError("switched to fail")
        case Fault.WRONG_BODY:
            return HTTPResponse(
                msgspec.json.encode(dict.fromkeys(msgspec.json.decode(body))), content_type="application/json"
            )
        case Fault.HANG:
            pass
        case Fault.RESET:
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            request.transport.close()
        case Fault.WRONG_LENGTH:
            await _send(request, body, len(body) + MISSING_BYTES)
            request.transport.close()
        case _:
            assert_never(fault)
    return await _connection_end()


async def drip(request: Request, body: bytes, pause_seconds: float) -> None:
    """Send the body byte by byte, with a pause after each."""
    response = await request.respond(content_type="application/json", headers={"content-length": str(len(body))})
    for byte in body:
        await response.send(bytes((byte,)))
        await asyncio.sleep(pause_seconds)


async def _send(request: Request, body: bytes, promised_bytes: int) -> None:
    response = await request.respond(content_type="application/json", headers={"content-length": str(promised_bytes)})
    await response.send(body)


async def _connection_end() -> HTTPResponse:
    # Sanic cancels the handler when the connection is gone.
    await asyncio.Event().wait()
    raise AssertionError
