"""However a request is cut into packets, it means the same; and what is passed on, an independent parser reads alike."""

import asyncio
import functools
import itertools
import re
from types import SimpleNamespace

import h11
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.client import ClientConnection
from gateway.proxy.upstream import UpstreamConnection
from gateway.proxy.worker import Worker
from gateway.store.slot import Slot
from tests.proxy.data_plane import Surroundings

pytestmark = pytest.mark.proves("3.4 random splits of valid and mutated requests mean what a reference parser reads")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
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


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """A real worker on a loop of its own that accepts nothing: connections are played."""
    surroundings = Surroundings(tmp_path_factory.mktemp("splits"), 1)
    surroundings.worker.own()
    loop = uvloop.new_event_loop()

    async def make() -> Worker:
        worker = Worker(surroundings.process())
        worker._follow()
        worker.ready = True
        return worker

    worker = loop.run_until_complete(make())
    yield functools.partial(_play, loop, worker)
    loop.close()
    surroundings.release()


def _play(loop, worker, packets) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
    """Give packets to a new connection; return what was answered, and each whole request the service got."""
    found = loop.run_until_complete(_exchange(worker, packets))
    Slot.open(worker.slot.path, writable=True).ring.advance(worker.ring.waiting_bytes)
    return found


async def _exchange(worker, packets):
    (pool,) = worker.table.services["game", "v1"].pools
    client, transport = (
        ClientConnection(app=SimpleNamespace(ctx=SimpleNamespace(worker=worker)), peer="127.0.0.1"),
        End(),
    )
    worker.count_connection(1)
    client.connection_made(transport)
    calls: list[tuple[UpstreamConnection, End]] = []
    passed: list[tuple[bytes, bytes]] = []
    for packet in (*packets, b""):
        if not pool._idle:
            calls.append(_connection(pool))
        if not transport.closed:
            client.data_received(packet)
        await _settle(pool, calls, passed)
    transport.closed = True
    client.connection_lost(None)
    for connection, end in calls:
        end.closed = True
        connection.connection_lost(None)
    await _settle(pool, [], passed)
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", transport.written), passed


def _connection(pool) -> tuple[UpstreamConnection, End]:
    connection, end = UpstreamConnection(pool), End()
    connection.connection_made(end)
    pool.opened(connection)
    return connection, end


async def _settle(pool, calls, passed) -> None:
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
                connection.data_received(OK)
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


# ---- what is sent

TARGETS = st.sampled_from([b"/any", b"/x?y=z", b"/static", b"/only-get", b"/small"])
FIELDS = st.sampled_from(
    [
        b"X: y", b"Connection: keep-alive", b"Connection: close", b"Expect: 100-continue", b"Upgrade: websocket",
        b"Connection: upgrade", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: a", b"TE: trailers",
    ]
)  # fmt: skip
CHUNKS = st.lists(st.sampled_from([b"5\r\nhello\r\n", b"A;x=y\r\n\r\n\r\n\r\n\r\n12\r\n", b"1\r\n\n\r\n"]), max_size=4)


@st.composite
def requests(draw) -> bytes:
    kind = draw(st.sampled_from(["none", "length", "chunks"]))
    method = draw(st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS"]))
    lines = [b"%b %b HTTP/1.%d" % (method, draw(TARGETS), draw(st.sampled_from([1, 1, 1, 0]))), b"Host: a"]
    lines += draw(st.lists(FIELDS, max_size=1))
    if kind == "length":
        body = draw(st.binary(max_size=40) | st.just(b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"))
        lines.append(b"Content-Length: %d" % len(body))
    elif kind == "chunks":
        body = b"".join(draw(CHUNKS)) + b"0\r\n" + draw(st.sampled_from([b"", b"", b"T: r\r\n"])) + b"\r\n"
        lines.append(b"Transfer-Encoding: chunked")
    else:
        body = b""
    return b"\r\n".join([*lines, b"", b""]) + body


NASTY = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"\x00", b"\x0b", b"0", b"1", b"f", b"-", b"+", b",", b";",
     b"\xff", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"x"]
)  # fmt: skip
MUTATIONS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2), NASTY), max_size=3)


def mutate(raw: bytes, mutations) -> bytes:
    for where, removed, inserted in mutations:
        at = int(where * len(raw))
        raw = raw[:at] + inserted + raw[at + removed :]
    return raw


def cut(raw: bytes, places) -> list[bytes]:
    at = [0, *sorted({int(place * len(raw)) for place in places}), len(raw)]
    return [raw[start:end] for start, end in itertools.pairwise(at) if end > start]


def independent(raw: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """What h11 makes of the bytes: method, target and body of each whole request until the first fault or close."""
    found: list[tuple[bytes, bytes, bytes]] = []
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(raw.lstrip(b"\r\n"))
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                break
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                found.append((request.method, request.target, body))
                rest = connection.trailing_data[0].lstrip(b"\r\n")
                if not rest:
                    break
                connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
                connection.receive_data(rest)
    except h11.RemoteProtocolError:
        pass
    return found


def test_the_laboratory_shows_what_is_passed_on(laboratory):
    one = b"POST /any HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    other = b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    assert laboratory([one + other + b"GET /static HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n"]) == (
        [b"200", b"200", b"203", b"400"],
        [(b"POST /any HTTP/1.1", b"hello"), (b"PUT /x HTTP/1.1", b"hi")],
    )


@settings(max_examples=300)
@given(
    sent=st.lists(requests(), min_size=1, max_size=3), mutations=MUTATIONS, places=st.lists(st.floats(0, 1), max_size=6)
)
def test_a_split_changes_nothing_and_nothing_is_passed_on_that_another_parser_reads_otherwise(
    laboratory, sent, mutations, places
):
    raw = mutate(b"".join(sent), mutations)
    statuses, passed = laboratory([raw])
    assert laboratory(cut(raw, places)) == (statuses, passed)
    reference = independent(raw)
    meant = iter(reference)
    for line, body in passed:
        method, target, _ = line.split(b" ")
        assert (method, target, body) in meant, (raw, reference)


@settings(max_examples=15)
@given(sent=st.lists(requests(), min_size=1, max_size=2), mutations=MUTATIONS)
def test_a_request_means_the_same_byte_by_byte_and_cut_anywhere(laboratory, sent, mutations):
    raw = mutate(b"".join(sent), mutations)
    whole = laboratory([raw])
    assert laboratory([raw[at : at + 1] for at in range(len(raw))]) == whole
    for at in range(1, len(raw)):
        assert laboratory([raw[:at], raw[at:]]) == whole, (raw[:at], raw[at:])
