"""A real worker on a loop of its own, in the test's process: it accepts nothing, both ends of its connections are played."""

import asyncio
import functools
import json
import re
import socket
import time
from collections.abc import Callable
from itertools import pairwise
from math import inf
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

import uvloop

from exporters.catalog.gateway import FAILURES, REQUESTS, RESPONSES, SENT
from gateway.proxy.accept import Acceptor
from gateway.proxy.client import ClientConnection
from gateway.proxy.entrance import PLAIN
from gateway.proxy.upstream import UpstreamConnection
from gateway.proxy.worker import Worker
from gateway.store.slot import Slot, Word
from tests.proxy.data_plane import Surroundings
from tests.totals import read_totals

_ANSWERED = {metric.name for metric in (FAILURES, REQUESTS, RESPONSES, SENT)}
TURNS = 400
"""Loop iterations in which everything that was put off must have happened."""


class End:
    """The other side of a connection: a transport that remembers what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after close"
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def write_eof(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def get_extra_info(self, _: str) -> SimpleNamespace:
        return SimpleNamespace(setsockopt=lambda *_: None)


class Laboratory:
    """The worker, and what surrounds it."""

    def __init__(self, place: Path) -> None:
        self.surroundings = Surroundings(place, 1)
        self.surroundings.worker.own()
        self.lines: list[dict[str, object]] = []
        """What was logged of the last play."""
        self._loop = uvloop.new_event_loop()
        self._worker = self._loop.run_until_complete(self._make())

    async def _make(self) -> Worker:
        worker = Worker(self.surroundings.process())
        worker._follow()
        worker.ready = True
        return worker

    def play(
        self, packets: list[bytes], answer: bytes, end: End | None = None, *, peer: str = "127.0.0.1"
    ) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
        """Give packets to a new connection; return what was answered, and each whole request the service got."""
        found = self._loop.run_until_complete(_exchange(self._worker, packets, answer, end or End(), peer))
        ring = Slot.open(self._worker.slot.path, writable=True).ring
        taken = ring.peek(1 << 20)
        ring.advance(len(taken))
        self.lines = [json.loads(line) for line in taken.splitlines()]
        return found

    def fall_behind(self, *, deep: bool) -> None:
        """Serve the latest spec as a worker does that is late in a turn without end."""
        self._worker._follow()
        self._worker.overload.refuses = True
        self._worker.overload._began = 0.0 if deep else inf

    def acceptor(self, listening: socket.socket, *, others: int) -> Acceptor:
        """Accept for this worker beside another one that holds so many connections."""
        words = {Word.CONNECTIONS: others, Word.HEARTBEAT: time.monotonic_ns() + 10**12, Word.GENERATION: 1}
        factory = functools.partial(ClientConnection, app=SimpleNamespace(ctx=SimpleNamespace(worker=self._worker)))
        self._worker._follow()
        return Acceptor(self._worker, PLAIN, listening, factory, [SimpleNamespace(words=words)])

    def let_go(self, acceptor: Acceptor) -> None:
        """Reset all connections it has made."""
        self._loop.run_until_complete(_reset_all(self._worker, acceptor))

    @property
    def connections(self) -> int:
        return self._worker.words[Word.CONNECTIONS]

    def end_soon(self) -> None:
        """Say on each connection that it is the last answer, as in a drain."""
        self._worker.closing = True

    def allow_lines(self, count: int) -> None:
        """Let so many refusals go the long way, and no more."""
        self._worker.shedding._to_log = count

    def tick(self) -> None:
        self._worker.shedding.tick()

    @property
    def kinds_refused(self) -> int:
        """Of how many heads the worker remembers how to refuse them."""
        return len(self._worker.shedding._kinds)

    def totals(self) -> dict[object, float]:
        """What was answered so far, by name and labels."""
        self._worker.shedding.settle()
        self._worker.account.settle()
        counters = read_totals([Slot.open(self._worker.slot.path)]).counters
        return {key: count for key, count in counters.items() if key[0] in _ANSWERED}

    def begin_turn(self, clock: Callable[[], float] = perf_counter) -> None:
        """Let a turn of the loop be under way, judged by this clock."""
        overload = self._worker.overload
        overload._wall = clock
        overload._began = overload._seen = clock()

    def read_by_turn(self, packets: list[bytes]) -> list[int]:
        """Give packets to a new connection, all at once; count the requests read of them at once and in each turn then."""
        return self._loop.run_until_complete(_count_read(self._worker, packets))

    @property
    def turn_began(self) -> float:
        """When the turn began, moved on by what is left out of it."""
        return self._worker.overload._began

    @property
    def turn_seen(self) -> float:
        """From when on the next large piece is left out of it."""
        return self._worker.overload._seen

    def close(self) -> None:
        self._loop.close()
        self.surroundings.release()


def _connect(worker, transport, peer) -> ClientConnection:
    client = ClientConnection(app=SimpleNamespace(ctx=SimpleNamespace(worker=worker)), peer=peer)
    worker.count_connection(1)
    client.connection_made(transport)
    return client


async def _reset_all(worker, acceptor) -> None:
    await asyncio.gather(*acceptor._tasks)
    for client in list(worker.connections):
        client.abort()
    while worker.connections:
        await asyncio.sleep(0)


async def _count_read(worker, packets) -> list[int]:
    end, counts = End(), [0]
    client = _connect(worker, end, "127.0.0.1")
    for packet in packets:
        client.data_received(packet)
    for _ in range(9):
        worker.outbox.flush()
        counts.append(end.written.count(b"HTTP/1.1 "))
        await asyncio.sleep(0)
    client.connection_lost(None)
    return [after - before for before, after in pairwise(counts)]


async def _exchange(worker, packets, answer, transport, peer):
    (pool,) = worker.table.services["game", "v1"].pools
    client = _connect(worker, transport, peer)
    calls: list[tuple[UpstreamConnection, End]] = []
    passed: list[tuple[bytes, bytes]] = []
    for packet in (*packets, b""):
        if not pool._idle:
            calls.append(_connection(pool))
        if not transport.closed:
            client.data_received(packet)
        await _settle(pool, calls, passed, answer)
    transport.closed = True
    client.connection_lost(None)
    assert client.bucket == 0, "the timers would keep it"
    for connection, end in calls:
        end.closed = True
        connection.connection_lost(None)
    await _settle(pool, [], passed, answer)
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", transport.written), passed


def _connection(pool) -> tuple[UpstreamConnection, End]:
    connection, end = UpstreamConnection(pool), End()
    connection.connection_made(end)
    pool.opened(connection)
    return connection, end


async def _settle(pool, calls, passed, answer) -> None:
    """Let the loop turn until nothing moves; the service answers each whole request."""
    quiet = 0
    for _ in range(TURNS):
        await asyncio.sleep(0)
        quiet += 1
        for connection, end in calls:
            whole = _whole(end.written)
            if whole and not end.closed:
                message, end.written = whole
                passed.append(message)
                connection.data_received(answer)
                quiet = 0
        if calls and all(end.closed for _, end in calls):
            calls.append(_connection(pool))
        if quiet > 3:
            return


def _whole(sent: bytes) -> tuple[tuple[bytes, bytes], bytes] | None:
    """Take one whole request off what the gateway wrote, which is plain HTTP/1.1: request line, body, and the rest."""
    head, end, rest = sent.partition(b"\r\n\r\n")
    if not end:
        return None
    line, *fields = head.split(b"\r\n")
    headers = dict(field.split(b": ", 1) for field in fields)
    if b"transfer-encoding" not in headers:
        length = int(headers.get(b"content-length", 0))
        return ((line, rest[:length]), rest[length:]) if len(rest) >= length else None
    body = b""
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        if len(rest) < int(size, 16) + 2:
            return None
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        if size == b"0":
            return (line, body), rest
    return None
