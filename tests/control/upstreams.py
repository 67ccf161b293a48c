"""Small scripted servers to be checked and looked up, each on an event loop in a thread of its own."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from pathlib import Path
from typing import TypeVar

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
T = TypeVar("T")


class Upstream:
    """Answers every connection with `answer`; None hangs. Remembers the requests."""

    def __init__(self) -> None:
        self.answer: bytes | None = OK
        self.requests: list[bytes] = []
        self.port = 0
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def run(self, *, unix: Path | None = None) -> AsyncIterator["Upstream"]:
        if unix:
            server = await asyncio.start_unix_server(self._begin, unix)
        else:
            server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for _ in range(10):  # what was just accepted is known to no stream yet
                await asyncio.sleep(0)
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await server.wait_closed()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                if self.answer is None:
                    await reader.read()
                else:
                    writer.write(self.answer)
                    await writer.drain()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@contextmanager
def in_thread(make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Keep a server running on a loop of its own."""
    started, made = threading.Event(), []

    async def run() -> None:
        over = asyncio.Event()
        async with make() as server:
            made.extend((server, asyncio.get_running_loop(), over))
            started.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(10)
    server, loop, over = made
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        assert not thread.is_alive()


def upstream(unix: Path | None = None) -> AbstractContextManager[Upstream]:
    """Serve one upstream while the context lasts."""
    return in_thread(lambda: Upstream().run(unix=unix))


@contextmanager
def tls_upstream(context: ssl.SSLContext) -> Iterator[int]:
    """Answer one connection over TLS; yields the port. No event loop: asyncio leaks what fails its handshake."""

    def serve() -> None:
        connection, _ = listener.accept()
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as channel:
            channel.recv(1000)
            channel.sendall(OK)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
