"""The upstream's side of an exchange: one keep-alive connection to one target.

It reads answers as strictly as requests are read: whatever could be taken in two ways ends the connection, and a
connection that said one byte too many is never used again. It decides nothing about retries or clients.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Final

from gateway.core.failure import Failure
from gateway.proxy.framing import (
    CHUNKED,
    HEAD_END,
    Dechunker,
    FramingError,
    bare_line_feed,
)
from gateway.proxy.timers import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.proxy.answer import AnswerHead
    from gateway.proxy.call import Call
    from gateway.proxy.pool import Pool

_HEAD_BYTES: Final = 64 * 1024
_HANG_UP_SECONDS: Final = 5.0
_MOST_INTERIM: Final = 16
"""Interim answers (1xx) to one request; more is a broken or hostile upstream."""


# What the next byte belongs to. Plain numbers: looking up an enum's member would cost on every read.
_IDLE: Final = 0
_HEAD: Final = 1
_LENGTH: Final = 2
_CHUNKS: Final = 3
_REST: Final = 4
_TUNNEL: Final = 5


class UpstreamConnection(asyncio.Protocol):
    """One connection of a pool, carrying one exchange at a time."""

    __slots__ = (
        "_dechunker", "_held", "_interim", "counted", "_left", "_paused_reading", "_reusable", "_state", "bucket", "call",
        "due", "first_byte", "paused", "pool", "rested", "reused", "transport", "write",
    )  # fmt: skip

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: asyncio.Transport
        self.write: Callable[[bytes], None]
        self.call: Call | None = None
        self.due = NEVER
        self.bucket = 0
        self.paused = False
        self.counted = False
        """Whether the pool knows of it: it may be gone before its opening is noticed."""
        self.rested = 0.0
        """When it last came to rest, in loop seconds."""
        self.reused = False
        """Whether the connection carried an exchange before: then it may have gone stale."""
        self.first_byte = False
        """Whether anything of the present answer has arrived."""
        self._paused_reading = False
        self._reusable = True
        self._state = _IDLE
        self._held = b""
        self._interim = 0
        self._left = 0
        self._dechunker: Dechunker | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.write = functools.partial(self.pool.worker.outbox.put, transport)

    def start(self, call: Call, request: bytes, due: float) -> None:
        """Send a request's head and what there is of its body; the answer goes to the exchange."""
        self.call = call
        self.first_byte = False
        self._interim = 0
        self._state = _HEAD
        self.write(request)
        self.pool.worker.timers.arm(self, due)

    def arm(self, due: float) -> None:
        self.pool.worker.timers.arm(self, due)

    def expire(self, now: float) -> None:
        try:
            if self.call:
                self.call.late(self, now)
            else:
                self.discard()
        except Exception as error:  # noqa: BLE001 - as in data_received
            self._crashed(error)

    def discard(self) -> None:
        """Close at once: the exchange is over or goes elsewhere, and the connection is in an unknown state."""
        self.call = None
        self._state = _IDLE
        self.pool.worker.timers.forget(self)
        self.transport.abort()

    def hang_up(self) -> None:
        """Close a pipe once what is under way has gone out, or nobody took it for a while."""
        self.call = None
        self._state = _IDLE
        self.pool.worker.outbox.flush()
        self.transport.close()
        self.arm(self.pool.worker.clock() + _HANG_UP_SECONDS)

    def connection_lost(self, error: Exception | None) -> None:
        self.pool.worker.timers.forget(self)
        if self.counted:
            self.pool.lost(self)
        self._dechunker = None
        self._held = b""
        call, self.call = self.call, None
        if call is None:
            return
        if self._state == _REST and error is None:
            call.exchange.response_body(b"", done=True)
        elif self._state == _TUNNEL:
            call.exchange.tunnel_closed()
        else:
            call.connection_failed(self, Failure.UPSTREAM_RESET)

    def _crashed(self, error: Exception) -> None:
        """Tell of a bug, which is no fault of the service's, and give the connection up."""
        worker, call = self.pool.worker, self.call
        worker.crashed(error)
        try:
            if call:
                call.exchange.refused(Failure.INTERNAL)
        except Exception as another:  # noqa: BLE001 - as in data_received
            worker.crashed(another)
        self.transport.abort()

    # ---- bytes in

    def data_received(self, data: bytes) -> None:
        try:
            if self._held:
                data = self._held + data
                self._held = b""
            while data:
                call = self.call
                if call is None:
                    self.transport.abort()  # bytes nobody asked for: the next answer could be taken for another one
                    return
                self.first_byte = True
                state = self._state
                if state == _HEAD:
                    data = self._read_head(call, data)
                elif state == _LENGTH:
                    data = self._read_length(call, data)
                elif state == _CHUNKS:
                    data = self._read_chunks(call, data)
                elif state == _TUNNEL and call.exchange.tunnel:
                    call.exchange.tunnel.down(data)
                    return
                else:
                    call.exchange.response_body(data, done=False)
                    return
        except Exception as error:  # noqa: BLE001 - one of the three named places: the connection is closed and counted
            self._crashed(error)

    def _read_head(self, call: Call, data: bytes) -> bytes:
        end = data.find(HEAD_END) + 4
        if end == 3 and len(data) <= _HEAD_BYTES and not bare_line_feed(data):
            self._held = data
            return b""
        if end == 3 or end > _HEAD_BYTES:
            return self._broken(call)
        try:
            head = self.pool.worker.answers.read(data if end == len(data) else data[:end])
        except FramingError:
            return self._broken(call)
        return self._answer(call, head, data[end:])

    def _answer(self, call: Call, head: AnswerHead, rest: bytes) -> bytes:
        if head.status < 200:
            return self._interim_answer(call, head, rest)
        self._reusable = head.keep_alive
        length = head.length
        if call.exchange.bodiless(head.status):
            self._refuse_surplus(rest)
            call.response(head, b"", done=True)
        elif length is None:
            self._state = _REST
            call.response(head, rest, done=False)
            return b""
        elif length == CHUNKED:
            self._state = _CHUNKS
            self._dechunker = Dechunker()
            call.response(head, b"", done=False)
        elif len(rest) < length:
            self._state = _LENGTH
            self._left = length - len(rest)
            call.response(head, rest, done=False)
            return b""
        elif len(rest) == length:
            call.response(head, rest, done=True)
            return b""
        else:
            self._refuse_surplus(rest[length:])
            call.response(head, rest[:length], done=True)
            return b""
        return rest

    def _interim_answer(self, call: Call, head: AnswerHead, rest: bytes) -> bytes:
        """Pass a 1xx on; a 101 is taken for what it is only if the client asked for just this protocol."""
        self._interim += 1
        if head.status == 101 and call.exchange.upgrade and head.upgrade == [call.exchange.upgrade]:
            self._state = _TUNNEL
            self._reusable = False
            call.exchange.switched(head.headers)
            return rest
        if head.status == 101 or self._interim > _MOST_INTERIM:
            return self._broken(call)
        call.exchange.interim(head.status, head.headers)
        return rest

    def _read_length(self, call: Call, data: bytes) -> bytes:
        rest = b""
        if len(data) > self._left:
            data, rest = data[: self._left], data[self._left :]
            self._refuse_surplus(rest)
        self._left -= len(data)
        call.exchange.response_body(data, done=not self._left)
        return rest

    def _read_chunks(self, call: Call, data: bytes) -> bytes:
        dechunker = self._dechunker
        assert dechunker is not None
        try:
            rest = dechunker.feed(data)
        except FramingError:
            return self._broken(call)
        payload = dechunker.payload()
        if dechunker.done:
            self._refuse_surplus(rest)
        if payload or dechunker.done:
            call.exchange.response_body(payload, done=dechunker.done)
        if rest and not dechunker.done:
            self._held = rest
            self.pause_reading()
            self.pool.worker.loop.call_soon(self.data_received, b"")
            return b""
        if self._paused_reading and not call.exchange.client.paused:
            self.resume_reading()
        return rest

    def _refuse_surplus(self, rest: bytes) -> None:
        """Never use the connection again if anything follows an answer: whoever is next could take it for theirs.

        To be asked before the exchange hears that the answer is done, for then the connection may have its next user.
        """
        if rest:
            self._reusable = False

    def _broken(self, call: Call) -> bytes:
        call.connection_failed(self, Failure.UPSTREAM_PROTOCOL)
        return b""

    def finished(self, *, whole: bool) -> None:
        """Go back to the pool, the answer being complete; not when the request was not (`whole`) or more may come."""
        self.call = None
        self._dechunker = None
        keep = whole and self._reusable and not self.paused and self._state != _REST and not self.transport.is_closing()
        self._state = _IDLE
        self.reused = True
        if keep:
            if self._paused_reading:
                self.resume_reading()
            self.pool.release(self)
        else:
            self.discard()

    # ---- back-pressure

    def pause_writing(self) -> None:
        self.paused = True
        if self.call:
            self.call.exchange.client.pause_reading()

    def resume_writing(self) -> None:
        self.paused = False
        if self.call:
            self.call.exchange.client.resume_reading()

    def pause_reading(self) -> None:
        if not self._paused_reading and not self.transport.is_closing():
            self._paused_reading = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused_reading and not self.transport.is_closing():
            self._paused_reading = False
            self.transport.resume_reading()
