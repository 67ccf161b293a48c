"""Both ends of a connection, played by a test: raw bytes out, raw bytes in, and never longer than a deadline."""

import contextlib
import select
import socket
import struct
from typing import NamedTuple

PATIENCE_SECONDS = 8.0
"""Longer than a machine stalls, and shorter than any deadline of the gateway that a test has not shortened: what ends
within it was ended by what the test did."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /any HTTP/1.1\r\nHost: a\r\n\r\n"
_UNSEEN_LINES = 90
_BODILESS = {b"%d" % status for status in (*range(100, 200), 204, 304)}


def unseen(number: int, path: str) -> bytes:
    """A request of a kind that no worker has met under another number: its head takes time to read."""
    lines = "".join(f"X-{number}-{line}: {line}\r\n" for line in range(_UNSEEN_LINES))
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode()


class Message(NamedTuple):
    """A request or an answer, as it stood on the wire."""

    start: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.start.split(b" ")[1])

    def all(self, name: bytes) -> list[bytes]:
        return [value for each, value in self.headers if each.lower() == name]

    def one(self, name: bytes) -> bytes | None:
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None

    @property
    def failure(self) -> str | None:
        value = self.one(b"casino-failure")
        return None if value is None else value.decode()


class Peer:
    """One end of a connection."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(PATIENCE_SECONDS)
        self.socket = connected
        self.buffer = b""

    def send(self, *pieces: bytes) -> "Peer":
        for piece in pieces:
            self.socket.sendall(piece)
        return self

    def drip(self, data: bytes) -> "Peer":
        """Send byte by byte, each in a segment of its own."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.send(*[data[at : at + 1] for at in range(len(data))])

    def close(self) -> None:
        self.socket.close()

    def end(self) -> None:
        """Send no more, but go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def more(self) -> bool:
        """Read a piece; False at the end."""
        piece = self.socket.recv(1 << 18)
        self.buffer += piece
        return bool(piece)

    def through(self, mark: bytes) -> bytes:
        """Read up to and with this mark."""
        while mark not in self.buffer:
            assert self.more(), f"ended after {self.buffer[-200:]!r}"
        end = self.buffer.index(mark) + len(mark)
        found, self.buffer = self.buffer[:end], self.buffer[end:]
        return found

    def take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            assert self.more(), f"ended after {self.buffer[-200:]!r}"
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def rest(self) -> bytes:
        """Read to the end, which may be a reset."""
        with contextlib.suppress(ConnectionResetError):
            while self.more():
                pass
        found, self.buffer = self.buffer, b""
        return found

    def was_reset(self) -> bool:
        """Read to the end, and say whether that was a reset; what came stays to be read."""
        try:
            while self.more():
                pass
        except ConnectionResetError:
            return True
        return False

    def is_over(self) -> bool:
        """Wait for the end; False if something came instead."""
        return self.rest() == b""

    def so_far(self) -> bytes:
        """Read what has come, without waiting; it stays to be read again."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while self.more():
                pass
        self.socket.settimeout(PATIENCE_SECONDS)
        return self.buffer

    def message(self, *, bodiless: bool = False) -> Message:
        """Read one message, strictly: whatever is not plain HTTP/1.1 framing fails the test."""
        start, *lines = self.through(b"\r\n\r\n")[:-4].split(b"\r\n")
        headers = tuple((name, value) for name, _, value in (line.partition(b": ") for line in lines))
        return Message(start, headers, b"" if bodiless or start[9:12] in _BODILESS else self._body(start, headers))

    def _body(self, start: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
        lower = [(name.lower(), value) for name, value in headers]
        lengths = [value for name, value in lower if name == b"content-length"]
        codings = [value for name, value in lower if name == b"transfer-encoding"]
        assert len(lengths) + len(codings) <= 1, headers
        if lengths:
            return self.take(int(lengths[0]))
        if codings:
            assert codings == [b"chunked"]
            return self._chunks()
        return self.rest() if start.startswith(b"HTTP/") else b""

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.through(b"\r\n"), 16):
            body += self.take(size)
            assert self.take(2) == b"\r\n"
        assert self.take(2) == b"\r\n"
        return body


class Client(Peer):
    """A client of the gateway."""

    def ask(self, *pieces: bytes) -> Message:
        self.send(*pieces)
        return self.message()

    def final(self) -> Message:
        """Read answers until one that is not interim (1xx)."""
        while (answer := self.message()).status < 200:
            pass
        return answer


class Upstream:
    """A listening socket whose connections the test takes and serves itself."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        self.peers: list[Peer] = []

    def accept(self) -> Peer:
        """Wait for the gateway's next connection."""
        self.socket.settimeout(PATIENCE_SECONDS)
        peer = Peer(self.socket.accept()[0])
        self.peers.append(peer)
        return peer

    def request(self) -> tuple[Peer, Message]:
        """Wait for the next connection and the request on it."""
        peer = self.accept()
        return peer, peer.message()

    def answer(self, answer: bytes = OK) -> Message:
        """Serve one request on a new connection."""
        peer, request = self.request()
        peer.send(answer)
        return request

    def received(self) -> bytes:
        """Everything that came and was not read yet, on all connections, without waiting."""
        self._take_all()
        return b"".join(peer.so_far() for peer in self.peers if peer.socket.fileno() >= 0)

    def is_called(self, other: "Upstream") -> bool:
        """Wait until the gateway calls this one or the other, and say whether it is this one."""
        called, _, _ = select.select([self.socket, other.socket], [], [], PATIENCE_SECONDS)
        assert called
        return called[0] is self.socket

    def _take_all(self) -> None:
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.peers.append(Peer(self.socket.accept()[0]))

    def hang_up(self) -> None:
        """Close every connection, those too that were never taken."""
        self._take_all()
        for peer in self.peers:
            peer.close()
        self.peers.clear()
