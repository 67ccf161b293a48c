"""Clients that keep their connections, and know of every request what became of it."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Self

import uvloop

from tests.waiting import until

RECONNECT_SECONDS = 0.02


class Lost(NamedTuple):
    """A request that got no whole answer."""

    at: float
    """CLOCK_MONOTONIC, seconds."""
    before: str
    """Id of the request answered before it on the same connection; empty if it was the first one."""
    received: bytes
    """The beginning of an answer, if any came."""


class Answer(NamedTuple):
    at: float
    seconds: float
    status: int
    id: str
    body: bytes


class Load:
    """So many connections on a thread of their own, each asking again `pause_seconds` after it was answered."""

    def __init__(
        self,
        port: int,
        *,
        connections: int,
        request: bytes | Callable[[int], bytes],
        pause_seconds: float = 0.0,
        most: int = 0,
    ) -> None:
        """`request` may be a function of the request's number; 0 for `most` means: until it is stopped."""
        self.port = port
        self.connections = connections
        self.pause_seconds = pause_seconds
        self.most = most
        self.answers: list[Answer] = []
        self.lost: list[Lost] = []
        self.unconnected: list[float] = []
        self.asked = 0
        self._request = request if callable(request) else lambda _: request
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()))
        self._stopping = False

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.answers)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every request that is under way end, and make no more."""
        self._stopping = True
        self._thread.join()

    def wait(self) -> None:
        """Wait until the last request is answered."""
        self._thread.join()

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    @property
    def is_over(self) -> bool:
        return self._stopping or bool(self.most and self.asked >= self.most)

    def grows(self, by: int) -> None:
        """Wait until so many more are answered."""
        goal = len(self.answers) + by
        until(lambda: len(self.answers) >= goal)

    def next_request(self) -> bytes | None:
        if self.is_over:
            return None
        self.asked += 1
        return self._request(self.asked - 1)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.connections):
                group.create_task(self._connect_again())

    async def _connect_again(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.is_over:
            try:
                _, client = await loop.create_connection(lambda: Client(self), "127.0.0.1", self.port)
            except OSError:
                self.unconnected.append(time.monotonic())
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            await client.ended


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._asked_at = 0.0
        self._before = ""

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._ask_later()

    def _ask_later(self) -> None:
        if self._load.pause_seconds:
            self._loop.call_later(self._load.pause_seconds, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        if self._transport.is_closing():
            return
        request = self._load.next_request()
        if request is None:
            self._transport.close()
            return
        self._asked_at = self._loop.time()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0 or not self._asked_at:
            return
        head = self._received[:head_end]
        body_at = head_end + 4
        length = int(field(head, b"content-length") or 0)
        if len(self._received) < body_at + length:
            return
        body, self._received = self._received[body_at : body_at + length], self._received[body_at + length :]
        assert not self._received, "more than one answer to one request"
        self._before = field(head, b"x-request-id").decode()
        now = self._loop.time()
        self._load.answers.append(Answer(now, now - self._asked_at, int(head[9:12]), self._before, body))
        self._asked_at = 0.0
        if field(head, b"connection").lower() == b"close":
            self._transport.close()
        else:
            self._ask_later()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._asked_at:
            self._load.lost.append(Lost(self._loop.time(), self._before, self._received))
        self.ended.set_result(None)


def field(head: bytes, name: bytes) -> bytes:
    at = head.lower().find(b"\r\n" + name + b":")
    return head[at + len(name) + 3 :].partition(b"\r\n")[0].strip() if at >= 0 else b""


def get(path: str, *headers: str, host: str = "a") -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode()
