"""TLS on one client connection: a protocol to the socket, a transport to the HTTP codec, and bytes through both.

uvloop could do this too. Here a connection holds no buffer of its own between two reads, the PROXY header comes before
the handshake, deadlines and back-pressure are those of the codec, and the sending side can be closed alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import TYPE_CHECKING, Any, Final

from gateway.core.tls import Handshake, names_of, subject_of

if TYPE_CHECKING:
    from gateway.proxy.client import ClientConnection
    from gateway.proxy.handshakes import Handshakes
    from gateway.store.keyring import Keyring

_RECORD_BYTES: Final = 16 * 1024
"""The plain text of one record, at most (RFC 8446 section 5.1)."""
_TURN_RECORDS: Final = 256
"""Records read in one turn of the loop, about 2 us each: a read may bring 10,000 that hold a byte."""

_PREFACE: Final = 0
_HANDSHAKE: Final = 1
_OPEN: Final = 2
_OVER: Final = 3


class Secured(asyncio.Protocol):
    """One connection, from accept to its end."""

    __slots__ = (
        "_client", "_handshakes", "_incoming", "_keyring", "_outgoing", "_paused", "_session", "_socket", "_state", "_waiting",
    )  # fmt: skip

    def __init__(self, client: ClientConnection, handshakes: Handshakes, keyring: Keyring) -> None:
        self._client = client
        self._handshakes = handshakes
        self._keyring = keyring
        self._state = _PREFACE if client.expects_preface else _HANDSHAKE
        self._socket: Any = None
        self._session: Any = None
        """None until the first bytes come: a connection that says nothing costs next to nothing."""
        self._incoming: Any = None
        self._outgoing: Any = None
        self._paused = False
        """The codec takes nothing for now."""
        self._waiting = False
        """Records are left for the next turn."""

    # ---- the socket's protocol

    def connection_made(self, transport: Any) -> None:
        self._socket = transport
        client = self._client
        client.connection_made(self)
        client.worker.timers.arm(client, client.worker.clock() + client.entrance.handshake_seconds)

    def data_received(self, data: bytes) -> None:
        if self._state == _PREFACE:
            data = self._client.take_preface(data)
            if self._client.expects_preface or not data:
                self._state = _PREFACE if self._client.expects_preface else _HANDSHAKE
                return
            self._state = _HANDSHAKE
        if self._state == _OPEN:
            self._incoming.write(data)
            self._read()
        elif self._state == _HANDSHAKE:
            self._greet(data)

    def eof_received(self) -> bool:
        """Take a closed connection for closed, with or without TLS' own goodbye: HTTP knows where a message ends."""
        self._leave()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()
        self._session = self._incoming = self._outgoing = None
        self._client.connection_lost(error)

    def pause_writing(self) -> None:
        self._client.pause_writing()

    def resume_writing(self) -> None:
        self._client.resume_writing()

    # ---- the handshake

    def _greet(self, data: bytes) -> None:
        """Take bytes of the handshake; the work they make waits for its turn, and reading with it."""
        if self._session is None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._session = self._keyring.wrap(self._incoming, self._outgoing)
        self._incoming.write(data)
        self._socket.pause_reading()
        self._handshakes.queue(self)

    def advance(self) -> None:
        """Do what the bytes so far allow."""
        if self._state != _HANDSHAKE:
            return
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            self._socket.resume_reading()
        except ssl.SSLCertVerificationError:
            self._refuse("certificate")
        except ssl.SSLError as refused:
            self._refuse("certificate" if refused.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE" else "refused")
        else:
            self._establish()

    def _establish(self) -> None:
        session = self._session
        proven = session.getpeercert() if self._keyring.demands else None
        if proven and session.session_reused and ssl.cert_time_to_seconds(proven["notAfter"]) < time.time():
            self._refuse("certificate")
            return
        handshake = Handshake(
            version=session.version().removeprefix("TLSv"),
            cipher=session.cipher()[0],
            server_name=session.server_name,
            resumed=session.session_reused,
            subject=subject_of(proven) if proven else "",
            names=names_of(proven) if proven else (),
        )
        self._state = _OPEN
        self._handshakes.done(self, handshake)
        self._flush()
        self._client.secured(handshake, session.shown)
        self._socket.resume_reading()
        self._read()

    def _refuse(self, result: str) -> None:
        """Say why in an alert, and close."""
        self._flush()
        self._fail(result)
        self._socket.close()

    def _fail(self, result: str) -> None:
        self._state = _OVER
        self._handshakes.failed(self, result)

    def _leave(self) -> None:
        """Note that the client is gone; one that never said anything, such as a probe of the port, has not failed."""
        if self._state == _HANDSHAKE and self._session is not None:
            self._fail("left")
        self._state = _OVER

    def give_up(self) -> None:
        """Make room for others."""
        self._fail("crowded")
        self._socket.abort()

    # ---- bytes

    def _read(self) -> None:
        """Give the codec what is whole of the bytes so far."""
        session, incoming = self._session, self._incoming
        pieces: list[bytes] = []
        ended = False
        try:
            while (incoming.pending or session.pending()) and len(pieces) < _TURN_RECORDS:
                piece = session.read(_RECORD_BYTES)
                if not piece:
                    ended = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            ended = True
        if self._outgoing.pending:
            self._answer()
        if len(pieces) == _TURN_RECORDS:
            self._put_off()
        if pieces:
            self._client.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if ended and self._state == _OPEN and not self._client.eof_received():
            self.close()

    def _put_off(self) -> None:
        """Leave what is left of the records to the next turn."""
        self._waiting = True
        self._socket.pause_reading()
        self._client.worker.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._state == _OPEN and self._waiting and not self._paused:
            self._waiting = False
            self._socket.resume_reading()
            self._read()

    def _answer(self) -> None:
        """Send what TLS itself has to say; one who asks for it again and again and reads nothing is cut off."""
        if self._client.paused:
            self.abort()
        else:
            self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._socket.write(self._outgoing.read())

    # ---- the codec's transport

    def write(self, data: bytes) -> None:
        if self._state != _OPEN:
            return
        try:
            self._session.write(data)
        except ssl.SSLError:  # broken by what the client sent
            self.abort()
        else:
            self._socket.write(self._outgoing.read())

    def close(self) -> None:
        """Close once everything written has gone out; the client's goodbye is not waited for."""
        if self._state == _OPEN:
            self._say_goodbye()
            self._socket.close()
        elif self._state == _OVER:
            self._socket.close()
        else:
            self._fail("timeout")
            self._socket.abort()

    def abort(self) -> None:
        self._socket.abort()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """End our side; what the client still sends is dropped unread."""
        if self._state == _OPEN:
            self._say_goodbye()
            self._socket.write_eof()

    def _say_goodbye(self) -> None:
        self._state = _OVER
        with contextlib.suppress(ssl.SSLError):  # the client has not said goodbye itself
            self._session.unwrap()
        self._flush()

    def is_closing(self) -> bool:
        return bool(self._socket.is_closing())

    def pause_reading(self) -> None:
        self._paused = True
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._waiting:
            self._client.worker.loop.call_soon(self._go_on)
        else:
            self._socket.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._socket.get_extra_info(name, default)
