"""Slow and broken clients: every phase of a request has a deadline, and one that goes away leaves nothing behind."""

import socket
from contextlib import suppress

import pytest

from exporters.catalog.gateway import (
    REQUESTS,
    RESPONSES,
    UPSTREAM_REQUESTS,
)
from tests.proxy.wire import GET, OK, PATIENCE_SECONDS
from tests.waiting import until

POST = b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST /any HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
PUT = POST.replace(b"POST", b"PUT") % 10
BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"
STATIC = b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("start", [b"G", GET[:20], GET[:-1], b"\r"])
def test_a_head_has_a_deadline(start, configure, connect, gateway, untouched):
    configure(bounds="{head_time: 300ms}")
    client = connect()
    answer = client.ask(start)
    assert (answer.status, answer.failure) == (408, "head_timeout")
    assert client.is_over()
    assert gateway.line()["casino.source"] == "client"


def test_the_deadline_of_a_head_begins_with_its_first_byte(configure, connect, upstream):
    configure(bounds="{head_time: 300ms, idle: 30s}")
    client = connect()
    client.send(GET + b"G")
    call, _ = upstream.request()
    call.send(OK)
    assert client.message().status == 200
    assert client.message().status == 408


def test_bytes_that_drip_in_do_not_put_off_the_deadline_of_a_head(configure, connect):
    configure(bounds="{head_time: 300ms}")
    client = connect()
    client.send(b"GET /any HTTP/1.1\r\nX: ")
    client.socket.settimeout(0.02)
    while not client.buffer:
        with suppress(BrokenPipeError, ConnectionResetError):  # the answer is there to be read all the same
            client.send(b"y")
        with suppress(TimeoutError):
            client.more()
    client.socket.settimeout(PATIENCE_SECONDS)
    assert client.message().status == 408


def test_a_connection_that_never_asks_is_closed_without_an_answer(configure, connect):
    configure(bounds="{idle: 200ms}")
    assert connect().is_over()


def test_a_connection_that_rests_is_closed_without_an_answer(configure, connect, upstream):
    """It may rest a moment only from its answer on: before that a stall of the machine would be its rest."""
    client = connect().send(GET)
    call, _ = upstream.request()
    configure(bounds="{idle: 200ms}")
    call.send(OK)
    assert client.message().status == 200
    assert client.is_over()


def test_a_proxy_header_that_never_ends_is_not_waited_for_without_end(configure, connect, untouched):
    configure(bounds="{idle: 200ms}")
    client = connect("proxy", "127.0.0.2")
    client.send(b"PROXY TCP4 ")
    assert client.is_over()


def test_a_connection_rests_no_longer_for_a_deadline_that_was_later(configure, connect, gateway):
    configure(bounds="{idle: 60s, head_time: 30s}")
    client = connect().send(STATIC[:10])
    gateway.turn()
    configure(bounds="{idle: 200ms, head_time: 30s}")
    assert client.drip(STATIC[10:]).message().status == 203
    assert client.is_over()


def test_a_client_that_sends_nothing_but_empty_lines_is_closed_all_the_same(configure, connect):
    configure(bounds="{idle: 200ms}")
    client = connect()
    client.send(b"\r\n\r\n" * 10)
    assert client.is_over()


def test_a_body_has_an_absolute_deadline(configure, connect, gateway, upstream):
    configure(bounds="{body_time: 1s}")
    client = connect()
    client.send(POST % 10, b"hello")
    upstream.accept().through(b"hello")
    answer = client.message()
    assert (answer.status, answer.failure, answer.one(b"connection")) == (408, "body_timeout", b"close")
    assert client.is_over()


@pytest.mark.parametrize("head", [pytest.param(POST % 1000, id="length"), pytest.param(CHUNKED, id="chunks")])
def test_a_body_that_drips_is_the_clients_fault(head, connect, gateway, upstream):
    counted = gateway.total(REQUESTS, **{"class": "4xx", "source": "client"})
    client = connect()
    client.send(head, b"5\r\nhello\r\n")
    client.socket.settimeout(20)
    answer = client.message()
    assert (answer.status, answer.failure, answer.one(b"connection")) == (408, "body_too_slow", b"close")
    assert gateway.line()["casino.source"] == "client"
    assert gateway.total(REQUESTS, **{"class": "4xx", "source": "client"}) == counted + 1
    assert client.is_over()


def test_a_client_that_does_not_read_is_not_waited_for_without_end(configure, connect, gateway, upstream):
    client = connect()
    client.send(GET)
    call, _ = upstream.request()
    configure(bounds="{idle: 300ms}")
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        call.send(BIG, b"x" * 50_000_000)
    until(lambda: not gateway.connections)
    assert gateway.line()["http.response.status_code"] == 499


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
def test_a_client_that_reads_no_static_answer_is_not_waited_for_without_end(last, configure, gateway):
    configure(
        bounds="{idle: 300ms}",
        rest="",
        routes=f"  large: {{match: /**, answer: {{status: 200, body: {'x' * 99_000}}}}}",
    )
    client = gateway.connect()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n"
    answered = gateway.total(RESPONSES)
    client.send((request % b"") * 100 + request % last)
    until(lambda: gateway.total(RESPONSES) > answered)
    until(lambda: not gateway.connections)
    assert len(client.rest()) < 101 * 99_000, "it was cut off, not waited for"
    client.close()


def test_a_slow_reader_holds_back_the_service_and_not_the_memory(client, gateway, upstream):
    before = gateway.memory_bytes()
    client.send(GET)
    call, _ = upstream.request()
    call.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        call.send(BIG, b"x" * 50_000_000)
    assert gateway.memory_bytes() - before < 4_000_000


@pytest.mark.parametrize("head", [POST % 50_000_000, CHUNKED.replace(b"any", b"unbounded")], ids=["length", "chunks"])
def test_a_slow_service_holds_back_the_client_and_not_the_memory(head, configure, connect, gateway, upstream):
    configure(rest="  all: {match: /**, to: game, body: 1GB}")
    client = connect()
    before = gateway.memory_bytes()
    client.send(head)
    call = upstream.accept()
    call.through(b"\r\n\r\n")
    client.socket.settimeout(0.3)
    body = (
        b"x" * 50_000_000
        if head.startswith(POST[:10]) and b"chunked" not in head
        else b"5\r\n\r\n\r\n\r\r\n" * 5_000_000
    )
    with pytest.raises(TimeoutError):
        client.send(body)
    assert gateway.memory_bytes() - before < 4_000_000


def test_a_body_that_waits_for_a_connection_is_not_gathered(configure, connect, gateway, upstream):
    configure(connections="{most: 1, queue_time: 30s}", rest="  all: {match: /**, to: game, body: 1GB}")
    first, second = connect(), connect()
    first.send(GET)
    call, _ = upstream.request()
    before = gateway.memory_bytes()
    second.send(POST % 50_000_000)
    second.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        second.send(b"x" * 50_000_000)
    assert gateway.memory_bytes() - before < 4_000_000
    call.send(OK)
    assert call.through(b"\r\n\r\n")
    assert call.take(1_000_000)


@pytest.mark.parametrize("end", ["close", "reset", "end"])
@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        pytest.param(GET, b"", id="before the answer"),
        pytest.param(POST % 10 + b"hello", b"", id="within the body"),
        pytest.param(GET, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", id="within the answer"),
        pytest.param(POST % 10 + b"hello", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", id="within both"),
    ],
)
def test_a_client_that_goes_away_cancels_its_call_and_counts_as_499(end, asked, answered, client, gateway):
    canceled, failed = (gateway.total(UPSTREAM_REQUESTS, outcome=outcome) for outcome in ("canceled", "failure"))
    client.send(asked)
    call = gateway.upstream.accept()
    call.through(b"\r\n\r\n")
    call.send(answered)
    if answered:
        client.through(b"hello")
    getattr(client, end)()
    call.rest()
    line = gateway.line()
    assert (line["http.response.status_code"], line["casino.failure"]) == (499, "client_closed")
    assert gateway.total(UPSTREAM_REQUESTS, outcome="canceled") == canceled + 1
    assert gateway.total(UPSTREAM_REQUESTS, outcome="failure") == failed


def test_a_client_that_goes_away_with_requests_waiting_behind_has_them_forgotten(connect, gateway, upstream):
    for _ in range(20):
        client = connect()
        client.send(GET * 3)
        call, _ = upstream.request()
        call.send(OK)
        client.reset()
        until(lambda: not gateway.connections)
        upstream.hang_up()
    assert until(lambda: not gateway.held())


def test_an_early_refusal_is_read_by_a_client_that_is_still_sending(client, untouched):
    client.send(b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
    client.send(b"x" * 20_000_000)
    answer = client.message()
    assert (answer.status, answer.failure, answer.one(b"connection")) == (413, "body_too_large", b"close")
    assert client.is_over()


def test_a_chunked_body_that_grows_too_large_is_refused_when_it_does(client, upstream):
    client.send(CHUNKED.replace(b"/any", b"/small"))
    call = upstream.accept()
    call.through(b"\r\n\r\n")
    client.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    answer = client.message()
    assert (answer.status, answer.failure) == (413, "body_too_large")
    assert not call.rest().endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        pytest.param(b"GET /any HTTP/1.1\r\nHost: a\r\nX: ", b"x", id="one header of 26 MB"),
        pytest.param(b"GET /any HTTP/1.1\r\nHost: a\r\n", b"X: yyyyyyyyyyyyyyyyyyyyyyy\r\n", id="a million headers"),
        pytest.param(b"GET /", b"x", id="a target of 26 MB"),
    ],
)
def test_a_head_of_26_mb_costs_next_to_nothing(head, unit, client, gateway, untouched):
    cpu, memory = gateway.cpu_seconds(), gateway.memory_bytes()
    client.send(head, unit * (26_000_000 // len(unit)), b"\r\n\r\n")
    assert client.message().status in {414, 431}
    assert client.is_over()
    assert gateway.cpu_seconds() - cpu < 0.3
    assert gateway.memory_bytes() - memory < 4_000_000


def test_a_head_that_comes_byte_by_byte_costs_no_more_than_its_bytes(client, gateway, upstream):
    cpu = gateway.cpu_seconds()
    client.drip(b"GET /any HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 4_000 + b"\r\n\r\n")
    upstream.answer()
    assert client.message().status == 200
    assert gateway.cpu_seconds() - cpu < 1


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(b"1\r\nx\r\n", id="chunks of one byte"),
        pytest.param(b"400\r\n" + b"\r\n\r\n" * 256 + b"\r\n", id="chunks that look like the end"),
    ],
)
def test_a_body_of_awkward_chunks_disturbs_nobody(chunk, connect, gateway, upstream, configure):
    configure(rest="  all: {match: /**, to: game, body: 100MB}")
    client, other = connect(), connect()
    client.send(CHUNKED)
    call = upstream.accept()
    call.through(b"\r\n\r\n")
    client.socket.setblocking(False)
    sent = client.socket.send(chunk * 200_000)
    assert sent > 100_000
    assert other.ask(STATIC).status == 203
