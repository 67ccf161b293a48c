"""Clients that do it wrong on purpose, each on a connection of its own, and what they are answered."""

import asyncio
import os
import select
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, NamedTuple

import uvloop

from tests.faults.load import field

KEPT_BYTES = 8 * 1024 * 1024


class Reply(NamedTuple):
    """What one of them got before the connection ended."""

    status: int
    """0: nothing."""
    failure: str
    received: bytes
    whole: bool
    """As many bytes as the head promises, or the last chunk."""
    seconds: float


class Talk(asyncio.Protocol):
    """Collects what comes, at least its beginning, until the other side ends it."""

    def __init__(self) -> None:
        self.received = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if len(self.received) < KEPT_BYTES:
            self.received += data

    def eof_received(self) -> None:
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._writable.set()
        if not self.ended.done():
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def say(self, pieces: Iterable[bytes], pause_seconds: float) -> None:
        for piece in pieces:
            if self.ended.done() or self.transport.is_closing():
                return
            self.transport.write(piece)
            await self._writable.wait()
            await asyncio.sleep(pause_seconds)


async def talk(port: int, pieces: Iterable[bytes], *, pause_seconds: float = 0.0) -> Reply:
    """Say it piece by piece, until there is nothing left or the gateway closes."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    _, client = await loop.create_connection(Talk, "127.0.0.1", port)
    await client.say(pieces, pause_seconds)
    await client.ended
    return read(client.received, loop.time() - begun)


def read(received: bytes, seconds: float) -> Reply:
    head, _, body = received.partition(b"\r\n\r\n")
    if not head:
        return Reply(0, "", b"", whole=False, seconds=seconds)
    length = field(head, b"content-length")
    whole = len(body) >= int(length) if length else body.endswith(b"0\r\n\r\n")
    return Reply(int(head[9:12]), field(head, b"casino-failure").decode(), received, whole=whole, seconds=seconds)


@contextmanager
def deaf(port: int, request: bytes, count: int) -> Iterator[Callable[[], int]]:
    """Ask on so many connections and read nothing; gives a function that counts those the gateway has cut off."""
    with ExitStack() as opened:
        poll = select.poll()
        for _ in range(count):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(request)
            poll.register(client, 0)
        yield lambda: len(poll.poll(0))


def all_of(talks: Iterable[Coroutine[None, None, Reply]]) -> list[Reply]:
    """Run them at once and give what each got."""

    async def gather() -> list[Reply]:
        return await asyncio.gather(*talks)

    return uvloop.run(gather())


@contextmanager
def reading(pipe: IO[bytes]) -> Iterator["Reader"]:
    reader = Reader(pipe)
    try:
        yield reader
    finally:
        reader.end()


class Reader:
    """Reads a log on a thread of its own; may stop reading for a while."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.lines: list[bytes] = []
        self._reads = threading.Event()
        self._reads.set()
        self._ends = False
        self._pipe = pipe
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        rest = b""
        while not self._ends:
            self._reads.wait()
            if select.select([self._pipe], [], [], 0.05)[0]:
                *lines, rest = (rest + os.read(self._pipe.fileno(), 1 << 20)).split(b"\n")
                self.lines += lines

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self._reads.clear()
        yield
        self._reads.set()

    def end(self) -> None:
        self._ends = True
        self._thread.join()
