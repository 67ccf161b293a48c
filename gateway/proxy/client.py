"""The client's side of an exchange: bytes to requests and answers to bytes, on one connection, in order.

It reads one request at a time: what comes while an answer is under way is held back, to a cap, unparsed, then reading
stops. It decides framing, deadlines and whether the connection lives on; it never decides what a request is answered.
"""

from __future__ import annotations

import asyncio
import functools
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from gateway.core.address import address_key
from gateway.core.failure import Failure, Refused
from gateway.core.proxy_protocol import Malformed, read_preface
from gateway.proxy.entrance import PLAIN, Entrance
from gateway.proxy.exchange import Exchange
from gateway.proxy.framing import CHUNKED, HEAD_END, Dechunker, FramingError, bare_line_feed
from gateway.proxy.head import NO_HEAD, RequestHead, too_large
from gateway.proxy.reset import reset
from gateway.proxy.timers import NEVER, TICKS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.forwarded import Hop
    from gateway.core.tls import Handshake
    from gateway.proxy.worker import Worker
    from gateway.store.certificate import Certificate

_DRAINABLE_BYTES: Final = 64 * 1024
"""An unread request body up to this is read and dropped to keep the connection."""
_LINGER_SECONDS: Final = 2.0
"""After a refusal, what the client still sends is dropped, so that the answer is not lost to a reset."""
_RATE_SECONDS: Final = 5.0
_EXCUSED: Final = 1 << 62
"""Bytes credited to a body whose client was kept waiting: by no rule could it have sent more."""


# What the next byte belongs to. Plain numbers: looking up an enum's member would cost on every read.
_HEAD: Final = 0
_LENGTH: Final = 1
_CHUNKS: Final = 2
_ANSWERING: Final = 3
_TUNNEL: Final = 4
_LINGER: Final = 5
_PREFACE: Final = 6


class ClientConnection(asyncio.Protocol):
    """One client connection, as Sanic's server makes them."""

    __slots__ = (
        "_body_due", "_choked", "_dechunker", "_head_due", "_held", "_left", "_paused_reading", "_rate_bytes",
        "_scanned", "_state", "address_key", "bucket", "certificate", "directed", "due", "entrance", "exchange", "handshake",
        "hop", "paused", "shown", "transport", "write", "worker",
    )  # fmt: skip

    def __init__(self, *, app: Any, peer: str = "", entrance: Entrance = PLAIN) -> None:
        """Be made by an acceptor, in place of Sanic's own HTTP protocol: `peer` is the client's address, if it has one."""
        self.worker: Worker = app.ctx.worker
        self.transport: Any
        """The socket's, or TLS over it."""
        self.write: Callable[[bytes], None]
        self.exchange: Exchange | None = None
        self.certificate: tuple[str, ...] = ()
        """Names of the certificate the client proved to have: `DNS:shop.internal`, `URI:spiffe://x`, `CN:name`."""
        self.entrance = entrance
        self.handshake: Handshake | None = None
        self.shown: Certificate | None = None
        """The one chosen for this connection."""
        self.directed = ""
        """The host this connection was last found to be for."""
        self.introduce(peer)
        self.due = NEVER
        self.bucket = 0
        self.paused = False
        self._paused_reading = False
        self._choked = False
        """Whether the service takes no more of the body for now."""
        self._state = _PREFACE if entrance.preface else _HEAD
        self._head_due = NEVER
        self._held = b""
        self._scanned = 0
        self._dechunker: Dechunker | None = None
        self._left = 0

    # ---- the connection's life

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.write = functools.partial(self.worker.outbox.put, transport)
        self.worker.connected(self)

    def introduce(self, address: str) -> None:
        """Take an address for the client's: the socket's own, or what a trusted PROXY header says."""
        self.hop: Hop = self.worker.hop(address, self.entrance)
        self.address_key = address_key(address) if address else ""

    def secured(self, handshake: Handshake, shown: Certificate | None) -> None:
        """Begin with HTTP: TLS has been agreed on."""
        self.handshake = handshake
        self.certificate = handshake.names
        self.shown = shown
        self.worker.timers.arm(self, self.worker.clock() + self.worker.bounds.idle_seconds)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._dechunker = None
        self._held = b""
        exchange, self.exchange = self.exchange, None
        try:
            if exchange:
                exchange.client_gone()
        finally:  # behind it: the end of a tunnel sets a deadline
            self.worker.disconnected(self)

    def eof_received(self) -> bool:
        """Take a half-closed connection for a closed one, as nginx does: who waits for nothing wants no answer."""
        return False

    def close(self) -> None:
        """Close once everything written has gone out; a client that does not read it is not waited for long."""
        self._state = _LINGER
        self.worker.outbox.flush()
        self.transport.close()
        self.worker.timers.arm(self, self.worker.clock() + self.worker.bounds.idle_seconds)

    def close_if_idle(self) -> None:
        if self.exchange is None:
            self.close()

    def abort(self) -> None:
        """Reset the connection: an answer that was cut must not look whole, and what nobody reads must not stay in the kernel."""
        self.worker.outbox.flush()
        reset(self.transport)

    def expire(self, now: float) -> None:
        """Act on the deadline of whatever the connection is waiting for."""
        try:
            self._expire(now)
        except Exception as error:  # noqa: BLE001 - as in data_received
            self._crashed(error)

    def _expire(self, now: float) -> None:
        if self._state == _HEAD and (self._held or self._head_due):
            self.refuse(Failure.HEAD_TIMEOUT)
        elif self.exchange and self._state in (_LENGTH, _CHUNKS):
            self._judge_body(now)
        elif self.transport.is_closing() or (self.exchange and self.paused):
            self.abort()
        else:
            self.close()

    def go_on(self, step: Callable[[], None]) -> None:
        """Take a step of the exchange that neither bytes nor a deadline brought."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - as in data_received
            self._crashed(error)

    def _crashed(self, error: Exception) -> None:
        """Tell of a bug, answer for it if there is something to answer, and give the connection up."""
        self.worker.crashed(error)
        exchange, self._state = self.exchange, _LINGER
        try:
            if exchange and not exchange.over:
                exchange.refused(Failure.INTERNAL)
        except Exception as another:  # noqa: BLE001 - as in data_received
            self.worker.crashed(another)
            exchange = None
        if exchange is None:
            self.transport.abort()

    # ---- bytes in

    def data_received(self, data: bytes) -> None:
        try:
            if self._held:
                data = self._held + data
                self._held = b""
            while data:
                state = self._state
                if state == _HEAD:
                    data = self._read_head(data)
                    if data and self._state == _HEAD:  # answered at once: before the next one it is the turn of others
                        self._defer(data)
                        return
                elif state == _ANSWERING:
                    self._hold(data)
                    return
                elif state == _LENGTH:
                    data = self._read_length(data)
                elif state == _CHUNKS:
                    data = self._read_chunks(data)
                else:
                    data = self._read_other(data)
        except Exception as error:  # noqa: BLE001 - one of the three named places: the connection is closed and counted
            self._crashed(error)

    def _read_other(self, data: bytes) -> bytes:
        if self._state == _PREFACE:
            return self._read_preface(data)
        if self._state == _TUNNEL and self.exchange and self.exchange.tunnel:
            self.exchange.tunnel.up(data)
        return b""

    def _read_head(self, data: bytes) -> bytes:
        end = data.find(HEAD_END, self._scanned) + 4
        bounds = self.worker.bounds
        if end == 3:
            self._part_of_head(data)
            return b""
        if end > bounds.head_bytes:
            return self.refuse(too_large(data, bounds.target_bytes))
        self._scanned = 0
        self._head_due = NEVER
        try:
            head = self.worker.requests.read(data if end == len(data) else data[:end])
        except Refused as refused:
            return self.refuse(refused.failure)
        if head:
            self._begin(head)
        return data[end:]

    def _part_of_head(self, data: bytes) -> None:
        bounds = self.worker.bounds
        if len(data) > bounds.head_bytes:
            self.refuse(too_large(data, bounds.target_bytes))
        elif bare_line_feed(data):
            self.refuse(Failure.BAD_REQUEST)
        else:
            self._held = data
            self._scanned = max(0, len(data) - 3)
            self._read_on()
            if not self._head_due:
                now = self.worker.clock()
                self._head_due = now + bounds.head_seconds
                self.worker.timers.arm(self, self._head_due)

    def _begin(self, head: RequestHead) -> None:
        worker, now = self.worker, perf_counter()
        if worker.overload.behind(now) and worker.shedding.refuse(self, head):
            self._state = _ANSWERING
            self.answered(keep=head.keep_alive)
            return
        if head.length:
            self._expect_body(head.length)
        else:
            self._state = _ANSWERING
            self.due = NEVER
        self.exchange = exchange = Exchange(worker, self, head, now)
        exchange.begin()

    def _expect_body(self, length: int) -> None:
        worker = self.worker
        now = worker.clock()
        self._body_due = now + worker.bounds.body_seconds
        self._rate_bytes = 0
        worker.timers.arm(self, min(self._body_due, now + _RATE_SECONDS))
        self._read_on()
        if length == CHUNKED:
            self._state = _CHUNKS
            self._dechunker = Dechunker()
        else:
            self._state = _LENGTH
            self._left = length

    def _read_length(self, data: bytes) -> bytes:
        rest = b""
        if len(data) > self._left:
            data, rest = data[: self._left], data[self._left :]
        self._left -= len(data)
        self._rate_bytes += len(data)
        self._body(data, done=not self._left)
        return rest

    def _read_chunks(self, data: bytes) -> bytes:
        dechunker = self._dechunker
        assert dechunker is not None
        self._rate_bytes += len(data)
        try:
            rest = dechunker.feed(data)
        except FramingError:
            if self.exchange:
                self.exchange.refused(Failure.BAD_REQUEST)
            return b""
        self._body(dechunker.payload(), done=dechunker.done)
        if rest and not dechunker.done:
            self._defer(rest)
            return b""
        self._read_on()
        return rest

    def _body(self, data: bytes, *, done: bool) -> None:
        if done:
            self._state = _ANSWERING
            self.due = NEVER
        exchange = self.exchange
        if exchange:
            exchange.request_body(data, done=done)
        elif done:
            self._next()

    def _judge_body(self, now: float) -> None:
        exchange = self.exchange
        assert exchange is not None
        if now >= self._body_due:
            self._state = _LINGER
            exchange.refused(Failure.BODY_TIMEOUT)
        elif self._rate_bytes < self.worker.bounds.body_rate_bytes * _RATE_SECONDS and not self._paused_reading:
            self._state = _LINGER
            exchange.refused(Failure.BODY_TOO_SLOW)
        else:
            self._rate_bytes = 0
            self.worker.timers.arm(self, min(self._body_due, now + _RATE_SECONDS))

    def _hold(self, data: bytes) -> None:
        self._held = data
        if len(data) >= self.worker.bounds.pipelined_bytes:
            self._stop_reading()

    def _defer(self, data: bytes) -> None:
        """Put off what is left, so that no connection holds the loop for long."""
        self._hold(data)
        self.worker.held.put(self)

    @property
    def expects_preface(self) -> bool:
        """Whether a PROXY header has to come before anything else."""
        return self._state == _PREFACE

    def take_preface(self, data: bytes) -> bytes:
        """Read a PROXY header that stands before TLS, and give what is behind it."""
        data, self._held = self._held + data, b""
        return self._read_preface(data)

    def _read_preface(self, data: bytes) -> bytes:
        preface = read_preface(data)
        if isinstance(preface, Malformed) or not self.hop.trusted:
            self.worker.refused("proxy_protocol")
            self.transport.abort()
            return b""
        if preface is None:
            self._held = data
            return b""
        self._state = _HEAD
        if not preface.source:
            if not preface.is_own:
                self.hop = self.hop.unbelieved()
        elif not self.worker.renamed(self, preface.source):
            self.transport.abort()
            return b""
        return data[preface.consumed :]

    # ---- bytes out

    @property
    def persistent(self) -> bool:
        """Whether the request, as far as it was read, leaves the connection fit for another one."""
        return self._state == _ANSWERING or (self._state == _LENGTH and self._left <= _DRAINABLE_BYTES)

    def answered(self, *, keep: bool) -> None:
        """Go on to the next request, or close: the answer is complete."""
        self.exchange = None
        if not keep:
            self._close_gently()
        elif self._state == _ANSWERING:
            self._next()
        else:  # what is left of the body is read and dropped
            self.resume_reading()
            self.worker.timers.arm(self, self.worker.clock() + _LINGER_SECONDS)

    def _next(self) -> None:
        worker = self.worker
        self._state = _HEAD
        self._head_due = NEVER
        if self._paused_reading:
            self.resume_reading()
        if self._held:
            worker.held.put(self)
        self.due = worker.clock() + worker.bounds.idle_seconds
        if not self.bucket or self.bucket > self.due * TICKS_PER_SECOND + 1:  # else it is looked at before that
            worker.timers.arm(self, self.due)

    def refuse(self, failure: Failure) -> bytes:
        """Answer a head that never became a request, and close."""
        exchange = Exchange(self.worker, self, NO_HEAD, perf_counter())
        self.exchange = exchange
        self._state = _LINGER
        exchange.turn_away(failure)
        return b""

    def _close_gently(self) -> None:
        if self._state in (_ANSWERING, _TUNNEL) and not self._paused_reading:
            self.close()
            return
        if self.transport.is_closing():
            return
        self._state = _LINGER
        self._held = b""
        self.resume_reading()
        self.worker.outbox.flush()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.worker.timers.arm(self, self.worker.clock() + _LINGER_SECONDS)

    def tunnel(self) -> bytes:
        """Turn into a pipe after a 101; gives what the client sent in the meantime."""
        self._state = _TUNNEL
        early, self._held = self._held, b""
        self.resume_reading()
        return early

    # ---- back-pressure

    def pause_writing(self) -> None:
        self.paused = True
        if self._state in (_ANSWERING, _TUNNEL):  # a body under way has its own deadlines
            self.worker.timers.arm(self, self.worker.clock() + self.worker.bounds.idle_seconds)
        if self.exchange:
            self.exchange.pause_response()

    def resume_writing(self) -> None:
        self.paused = False
        if self._state in (_ANSWERING, _TUNNEL):
            self.due = NEVER
        if self.exchange:
            self.exchange.resume_response()

    def pause_reading(self) -> None:
        """Take no more of the body until `resume_reading`."""
        self._choked = True
        self._stop_reading()

    def resume_reading(self) -> None:
        self._choked = False
        if len(self._held) < self.worker.bounds.pipelined_bytes:
            self._read_on()

    def _stop_reading(self) -> None:
        if not self._paused_reading and not self.transport.is_closing():
            self._paused_reading = True
            self.transport.pause_reading()

    def _read_on(self) -> None:
        if self._paused_reading and not self._choked and not self.transport.is_closing():
            self._paused_reading = False
            self._rate_bytes = _EXCUSED
            self.transport.resume_reading()
