"""However a request is cut into packets, it means the same; and what is passed on, an independent parser reads alike."""

import functools
import itertools

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proxy.laboratory import Laboratory
from tests.proxy.wire import OK

pytestmark = pytest.mark.proves("3.4 random splits of valid and mutated requests mean what a reference parser reads")


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    laboratory = Laboratory(tmp_path_factory.mktemp("splits"))
    yield functools.partial(laboratory.play, answer=OK)
    laboratory.close()


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
