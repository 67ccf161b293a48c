"""Answers held to the strictness of requests: what could be read in two ways is 502, and no byte of it reaches a client."""

import pytest

from exporters.catalog.gateway import FAILURES, REQUESTS, UPSTREAM_CONNECTIONS, UPSTREAM_REQUESTS
from tests.proxy.wire import GET, OK
from tests.waiting import until

pytestmark = pytest.mark.proves("3.4 answers of broken upstreams are held to the same strictness")

HEAD = b"HEAD /any HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(*lines: bytes, body: bytes = b"", start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([start, *lines, b"", b""]) + body


AMBIGUOUS = {
    "length and coding": answer(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "coding and length": answer(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    "two lengths that differ": answer(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"),
    "two lengths alike": answer(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "a list of lengths": answer(b"Content-Length: 5, 5", body=b"hello"),
    "a length with a sign": answer(b"Content-Length: +5", body=b"hello"),
    "a negative length": answer(b"Content-Length: -5", body=b"hello"),
    "a length beyond 64 bits": answer(b"Content-Length: 18446744073709551621", body=b"hello"),
    "a length of 5,000 digits": answer(b"Content-Length: " + b"0" * 5000 + b"5", body=b"hello"),
    "a space before the colon of a length": answer(b"Content-Length : 5", body=b"hello"),
    "an unknown coding": answer(b"Transfer-Encoding: xchunked", body=b"hello"),
    "gzip and chunked": answer(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked and gzip": answer(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "chunked twice": answer(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "a coding on HTTP/1.0": answer(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", start=b"HTTP/1.0 200 OK"),
    "HTTP/0.9": b"hello\r\n\r\n",
    "HTTP/2.0": answer(b"Content-Length: 0", start=b"HTTP/2.0 200 OK"),
    "HTTP/1.2": answer(b"Content-Length: 0", start=b"HTTP/1.2 200 OK"),
    "another protocol": answer(b"Content-Length: 0", start=b"ICY 200 OK"),
    "a status of four digits": answer(b"Content-Length: 0", start=b"HTTP/1.1 2000 OK"),
    "a status of two digits": answer(b"Content-Length: 0", start=b"HTTP/1.1 20 OK"),
    "status 000": answer(b"Content-Length: 0", start=b"HTTP/1.1 000 OK"),
    "status 099": answer(b"Content-Length: 0", start=b"HTTP/1.1 099 OK"),
    "status 600": answer(b"Content-Length: 0", start=b"HTTP/1.1 600 OK"),
    "status 999": answer(b"Content-Length: 0", start=b"HTTP/1.1 999 OK"),
    "two blanks before the status": answer(b"Content-Length: 0", start=b"HTTP/1.1  200 OK"),
    "an empty line before the answer": b"\r\n" + OK,
    "empty lines before the answer": b"\r\n\r\n" + OK,
    "a bare line feed behind the status": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "lines ended by line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "a bare line feed in a value": answer(b"X: y\nSet-Cookie: z", b"Content-Length: 0"),
    "a carriage return in a value": answer(b"X: y\rSet-Cookie: z", b"Content-Length: 0"),
    "NUL in a value": answer(b"X: y\x00", b"Content-Length: 0"),
    "NUL in a name": answer(b"X\x00: y", b"Content-Length: 0"),
    "a folded header": answer(b"X: y", b" z", b"Content-Length: 0"),
    "a line without a colon": answer(b"nonsense", b"Content-Length: 0"),
    "101 that nobody asked for": answer(
        b"Connection: upgrade", b"Upgrade: websocket", start=b"HTTP/1.1 101 Switching Protocols"
    ),
    "101 without a protocol": answer(start=b"HTTP/1.1 101 Switching Protocols"),
    "101 with an empty protocol": answer(b"Connection: upgrade", b"Upgrade:", start=b"HTTP/1.1 101 X"),
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
    "17 interim answers": answer(start=b"HTTP/1.1 103 Early Hints") * 17 + OK,
}


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in AMBIGUOUS.items()])
def test_an_ambiguous_answer_is_a_502_and_its_connection_is_closed(raw, client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(raw)
    refused = client.final()
    assert (refused.status, refused.failure) == (502, "upstream_protocol")
    assert refused.one(b"set-cookie") is None
    call.rest()
    client.send(GET)
    upstream.answer()
    assert client.message().status == 200


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="a size in C's hexadecimal"),
        pytest.param(b"5 \r\nhello\r\n0\r\n\r\n", id="a size with a blank"),
        pytest.param(b"5\nhello\r\n0\r\n\r\n", id="a size ended by a line feed"),
        pytest.param(b"5;a\nb\r\nhello\r\n0\r\n\r\n", id="an extension with a line feed"),
        pytest.param(b"4\r\nhello\r\n0\r\n\r\n", id="data longer than its size"),
        pytest.param(b"5\r\nhello\n0\r\n\r\n", id="data ended by a line feed"),
        pytest.param(b"5\r\nhello\r\n0\r\nX\r\n\r\n", id="a trailer that is none"),
        pytest.param(b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 20_000, id="trailers without end"),
        pytest.param(b"5\r\nhello\r\n5;" + b"x" * 100_000, id="an extension without end"),
        pytest.param(b"f" * 17 + b"\r\n", id="a size beyond 64 bits"),
    ],
)
def test_an_answer_with_an_ambiguous_chunk_is_broken_off(chunks, client, gateway, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(CHUNKED, chunks)
    client.through(b"\r\n\r\n")
    assert not client.rest().endswith(b"0\r\n\r\n")
    call.rest()
    assert gateway.line()["casino.failure"] == "upstream_protocol"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(answer(b"Content-Length: 10", body=b"hello"), id="a length"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n", id="chunks"),
        pytest.param(CHUNKED + b"a\r\nhello", id="half a chunk"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n", id="chunks but for the last line"),
    ],
)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_answer_cut_short_is_cut_short_for_the_client_too(raw, end, client, gateway, upstream):
    bad = gateway.total(REQUESTS, **{"class": "5xx"})
    client.send(GET)
    call, _ = upstream.request()
    call.send(raw)
    client.through(b"hello")
    call.close() if end == "close" else call.reset()
    assert client.was_reset()
    assert not client.buffer.endswith(b"0\r\n\r\n")
    assert gateway.line()["casino.failure"] == "upstream_reset"
    assert gateway.total(REQUESTS, **{"class": "5xx"}) == bad + 1


def test_an_answer_that_ends_with_the_connection_is_whole_when_that_was_closed(client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(answer(body=b"hello"))
    client.through(b"hello\r\n")
    call.close()
    assert client.through(b"0\r\n\r\n") == b"0\r\n\r\n"


def test_an_answer_that_ends_with_the_connection_is_cut_short_when_that_was_reset(client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(answer(body=b"hello"))
    client.through(b"hello\r\n")
    call.reset()
    assert client.was_reset()
    assert client.buffer == b""


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(OK + b"!", id="a byte behind a length"),
        pytest.param(CHUNKED + b"2\r\nok\r\n0\r\n\r\n!", id="a byte behind chunks"),
        pytest.param(OK + answer(b"Content-Length: 4", body=b"evil"), id="another answer"),
        pytest.param(answer(start=b"HTTP/1.1 204 No Content", body=b"evil"), id="a body with 204"),
        pytest.param(
            answer(b"Content-Length: 4", start=b"HTTP/1.1 304 Not Modified", body=b"evil"), id="a body with 304"
        ),
    ],
)
def test_what_follows_an_answer_is_never_taken_for_the_next(raw, gateway, connect, upstream, configure):
    """With one connection allowed, a second request waits for just this one."""
    configure(connections="{most: 1, queue_time: 30s}")
    first, second = connect(), connect()
    first.send(GET)
    call, _ = upstream.request()
    second.send(GET)
    until(lambda: gateway.held().get("gateway_upstream_waiting_requests"))
    call.send(raw)
    assert first.message().body in {b"ok", b""}
    other, _ = upstream.request()
    other.send(answer(b"Content-Length: 3", body=b"two"))
    assert second.message().body == b"two"


def test_an_answer_to_head_that_has_a_body_spoils_its_connection(client, upstream):
    client.send(HEAD)
    call, _ = upstream.request()
    call.send(answer(b"Content-Length: 4", body=b"evil"))
    assert client.message(bodiless=True).one(b"content-length") == b"4"
    assert call.is_over()
    client.send(GET)
    upstream.answer()
    assert client.message().body == b"ok"


def test_bytes_nobody_asked_for_close_an_idle_connection(client, gateway, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(OK)
    client.message()
    call.send(OK)
    assert call.is_over()
    until(lambda: gateway.total(UPSTREAM_CONNECTIONS) == 0)
    client.send(GET)
    upstream.answer(answer(b"Content-Length: 3", body=b"two"))
    assert client.message().body == b"two"


def test_an_answer_before_the_request_is_whole_is_passed_on_and_ends_both_connections(client, upstream):
    client.send(b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\nsome")
    call = upstream.accept()
    call.through(b"some")
    call.send(answer(b"Content-Length: 2", start=b"HTTP/1.1 403 Forbidden", body=b"no"))
    refused = client.message()
    assert (refused.status, refused.body) == (403, b"no")
    assert refused.one(b"connection") == b"close"
    assert call.is_over()
    assert client.is_over()


def test_headers_that_connection_names_are_dropped_from_an_answer(client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(
        answer(
            b"Connection: X-Foo, Set-Cookie, keep-alive", b"X-Foo: bar", b"X-Bar: foo", b"Set-Cookie: a=b",
            b"Keep-Alive: timeout=5", b"Proxy-Authenticate: Basic", b"Trailer: X", b"Upgrade: h2c",
            b"Casino-Failure: lie", b"X-Request-Id: lie", b"Content-Length: 0",
        )
    )  # fmt: skip
    told = client.message()
    names = {name for name, _ in told.headers}
    assert names == {b"x-bar", b"set-cookie", b"content-length", b"x-request-id", b"date"}
    assert told.one(b"x-request-id") != b"lie"


def test_trailers_of_an_answer_are_dropped(client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(CHUNKED + b"5;ext=1\r\nhello\r\n0;last\r\nX-Trailer: secret\r\n\r\n")
    assert client.through(b"0\r\n\r\n").endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


def test_an_upstream_that_closes_at_once_is_a_502(client, gateway, upstream):
    client.send(GET)
    upstream.accept().close()
    refused = client.message()
    assert refused.status == 502
    assert refused.failure in {"upstream_reset", "connect_refused"}


def test_an_upstream_that_resets_at_once_is_a_502(client, gateway, upstream):
    for _ in range(50):
        client.send(GET)
        upstream.accept().reset()
        assert client.message().status == 502


def test_a_499_of_a_service_is_an_answer_like_any_other(client, gateway, upstream):
    client.send(GET)
    upstream.answer(answer(b"Content-Length: 0", start=b"HTTP/1.1 499 Odd"))
    assert client.message().status == 499
    assert gateway.line()["casino.source"] == "upstream"


def test_a_broken_answer_counts_as_a_failed_call(client, gateway, upstream):
    failed = gateway.total(UPSTREAM_REQUESTS, outcome="failure")
    named = gateway.total(FAILURES, failure="upstream_protocol")
    client.send(GET)
    upstream.answer(b"nonsense\r\n\r\n")
    assert client.message().status == 502
    until(lambda: gateway.total(UPSTREAM_REQUESTS, outcome="failure") == failed + 1)
    until(lambda: gateway.total(FAILURES, failure="upstream_protocol") == named + 1)
