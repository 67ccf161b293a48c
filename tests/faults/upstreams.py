"""Small upstreams in the test's own process, fast enough to stand behind a load; what each does wrong is scripted."""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from typing import Self

import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
RESET = struct.pack("ii", 1, 0)  # struct linger: on, for no time
POUR_SECONDS = 0.01
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Peer(asyncio.Protocol):
    """One connection from the gateway."""

    def __init__(self, upstream: "Upstream") -> None:
        self.upstream = upstream
        self._received = self._again = b""
        self._writable = True

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.upstream.peers.add(self)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._again = b""
        self.upstream.peers.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, self._received = self._received[:end], self._received[end + 4 :]
            path = head.split(b" ", 2)[1].decode()
            self.upstream.paths[path] += 1
            self.upstream.answers.get(path, Peer.plain)(self)

    # ---- what it may do to a request

    def plain(self) -> None:
        self.transport.write(OK)

    def hang(self) -> None:
        """Say nothing."""

    def reset(self) -> None:
        self._reset()

    def reset_within_the_body(self) -> None:
        self.transport.write(OK.replace(b": 3", b": 100000"))
        self.upstream.loop.call_later(0.1, self._reset)

    def reset_instead_of_an_end(self) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\n\r\nok\n")
        self.upstream.loop.call_later(0.1, self._reset)

    def end_early(self) -> None:
        self.transport.write(OK.replace(b": 3", b": 100000"))
        self.upstream.loop.call_later(0.1, self.transport.close)

    def _reset(self) -> None:
        if self.transport.is_closing():  # the gateway left first: there is no socket any more
            return
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    def say_more_than_promised(self) -> None:
        self.transport.write(OK + b"x" * 1000)

    def head_without_end(self) -> None:
        self.pour(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 16384)

    def chunk_size_without_end(self) -> None:
        self.pour(CHUNKED + b"3\r\nok\n\r\n", b"0" * 16384)

    def body_without_end(self) -> None:
        self.pour(CHUNKED, b"4000\r\n" + b"a" * 0x4000 + b"\r\n")

    def pour(self, first: bytes, again: bytes) -> None:
        """Send without end, as long as the gateway takes it."""
        self.transport.write(first)
        self._again = again
        self._pour()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._pour()

    def _pour(self) -> None:
        if self._writable and self._again and not self.transport.is_closing():
            self.transport.write(self._again)
            self.upstream.loop.call_later(POUR_SECONDS, self._pour)


class Upstream:
    """A server on its own thread; `answers` says by path what it does to a request."""

    def __init__(self, **answers: Callable[[Peer], None]) -> None:
        self.answers = {f"/{name}": answer for name, answer in answers.items()}
        self.paths: Counter[str] = Counter()
        self.peers: set[Peer] = set()
        self.port = 0
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        server = await self.loop.create_server(lambda: Peer(self), "127.0.0.1", 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._over.wait()
        server.close()
        for peer in list(self.peers):
            peer.transport.abort()
        await asyncio.sleep(0)
