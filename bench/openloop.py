"""An open loop: requests leave at their times, whatever the answers do, and latency counts from the time each was due.

So a stall of the product is charged to every request that should have left meanwhile (coordinated omission corrected).
A process of its own: `python -m bench.openloop PORT PATH RATE SECONDS CONNECTIONS` prints one line of JSON. Plain
sockets on epoll: an event loop's timers have the grain of a millisecond, which is more than what is measured.
"""

import gc
import re
import select
import socket
import subprocess
import sys
import time
from collections import deque

import msgspec

from bench.load import GRACE_SECONDS
from bench.machine import pinned
from bench.product import HERE

WARM_SECONDS = 1.0
LATE_SECONDS = 2.0
"""How long after the last request is due its answer is waited for."""
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """What the clients saw. `failed` are answers other than 200 and requests never answered."""

    answered: int
    failed: int
    p50_seconds: float
    p99_seconds: float
    p999_seconds: float
    most_seconds: float


def percentile(ordered: list[float], share: float) -> float:
    """Take the nearest-rank percentile of values in ascending order; 0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def summarise(latencies: list[float], failed: int) -> Latency:
    ordered = sorted(latencies)
    return Latency(
        answered=len(ordered),
        failed=failed,
        p50_seconds=percentile(ordered, 0.5),
        p99_seconds=percentile(ordered, 0.99),
        p999_seconds=percentile(ordered, 0.999),
        most_seconds=ordered[-1] if ordered else 0.0,
    )


def answer_length(buffer: bytes) -> int | None:
    """Tell how long the answer at the start of the buffer is; None while its head is incomplete.

    Raises:
        ValueError: it has no Content-Length, so this client cannot tell.

    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = LENGTH.search(buffer, 0, end + 2)
    if length is None:
        raise ValueError(f"an answer without Content-Length: {buffer[:200]!r}")
    return end + 4 + int(length[1])


class Client:
    """One keep-alive connection."""

    __slots__ = ("buffer", "due", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.buffer = b""
        self.due = 0.0

    def receive(self) -> bool | None:
        """Read what there is; once the answer is whole, say whether it was a 200."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the product closed a keep-alive connection")
        self.buffer += data
        length = answer_length(self.buffer)
        if length is None or len(self.buffer) < length:
            return None
        good = self.buffer.startswith(b"HTTP/1.1 200")
        self.buffer = self.buffer[length:]
        return good


class OpenLoop:
    """One run: `rate` requests a second over `connections`, spread evenly."""

    def __init__(self, port: int, path: str, *, rate: float, seconds: float, connections: int) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n\r\n".encode()
        self._gap_seconds = 1 / rate
        self._total = round(rate * (seconds + WARM_SECONDS))
        self._warm = round(rate * WARM_SECONDS)
        self._idle = deque(Client(port) for _ in range(connections))
        self._busy: dict[int, Client] = {}
        self._epoll = select.epoll()
        for client in self._idle:
            self._epoll.register(client.socket, select.EPOLLIN)
        self.latencies: list[float] = []
        self._failed = 0
        self._sent = 0
        self._measured_from = 0.0

    def run(self) -> Latency:
        begin = time.perf_counter() + 0.01
        self._measured_from = begin + self._warm * self._gap_seconds
        deadline = begin + self._total * self._gap_seconds + LATE_SECONDS
        while (now := time.perf_counter()) < deadline and (self._sent < self._total or self._busy):
            due = begin + self._sent * self._gap_seconds
            if self._sent < self._total and self._idle and due <= now:
                self._send(due)
                continue
            wake = due if self._sent < self._total and self._idle else deadline
            # select() waits with the grain of microseconds, epoll_wait() with that of milliseconds.
            select.select([self._epoll], [], [], max(0.0, wake - now))
            for descriptor, _ in self._epoll.poll(0):
                self._receive(descriptor)
        missing = self._total - self._sent + len(self._busy)
        return summarise(self.latencies, self._failed + missing)

    def close(self) -> None:
        for client in (*self._idle, *self._busy.values()):
            client.socket.close()
        self._epoll.close()

    def _send(self, due: float) -> None:
        client = self._idle.popleft()
        client.due = due
        client.socket.send(self._request)
        self._busy[client.socket.fileno()] = client
        self._sent += 1

    def _receive(self, descriptor: int) -> None:
        client = self._busy[descriptor]
        good = client.receive()
        if good is None:
            return
        del self._busy[descriptor]
        self._idle.append(client)
        if not good:
            self._failed += 1
        elif client.due >= self._measured_from:
            self.latencies.append(time.perf_counter() - client.due)


def offer(port: int, path: str, *, rate: float, seconds: float, connections: int, core: int) -> Latency:
    """Run the open loop in a process of its own on a core.

    Raises:
        subprocess.SubprocessError: it failed, or did not end.

    """
    words = [str(port), path, str(rate), str(seconds), str(connections)]
    with pinned(core):
        done = subprocess.run(
            [sys.executable, "-m", "bench.openloop", *words],
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_SECONDS,
            check=True,
        )
    return msgspec.json.decode(done.stdout, type=Latency)


def main(words: list[str]) -> None:
    port, path, rate, seconds, connections = words
    gc.disable()  # a collection would be seen as the product's latency
    loop = OpenLoop(int(port), path, rate=float(rate), seconds=float(seconds), connections=int(connections))
    sys.stdout.write(msgspec.json.encode(loop.run()).decode() + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
