"""Slow, silent and dying services: every phase of a call has a deadline, and a retry never shows."""

import itertools
import resource
import socket
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from exporters.catalog.gateway import (
    RETRIES,
    UPSTREAM_IN_FLIGHT,
    UPSTREAM_REQUESTS,
    UPSTREAM_WAITING,
)
from gateway.store.slot import Word
from tests.proxy.wire import GET, OK, PATIENCE_SECONDS, Upstream
from tests.waiting import until

POST = b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST /any HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
PUT = POST.replace(b"POST", b"PUT") % 10
BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"
STATIC = b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n"


def short(**deadlines: str) -> str:
    """Timeouts of which only these can pass, however long the machine stalls."""
    patient = {"connect": "10s", "first_byte": "30s", "idle": "30s", "total": "60s"}
    return "{" + ", ".join(f"{name}: {seconds}" for name, seconds in (patient | deadlines).items()) + "}"


@pytest.fixture
def other():
    """Another target of the same version."""
    made = Upstream()
    yield made
    made.hang_up()
    made.socket.close()


def test_a_service_that_does_not_answer_is_a_504(configure, connect, gateway, upstream):
    configure(timeouts=short(first_byte="300ms"))
    client = connect()
    client.send(GET)
    call, _ = upstream.request()
    answer = client.message()
    assert (answer.status, answer.failure) == (504, "first_byte_timeout")
    assert not {"casino.upstream.duration", "casino.gateway.duration"} & gateway.line().keys()
    assert call.is_over()
    assert client.ask(STATIC).status == 203


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 200 OK\r\nX: y", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_a_service_that_stops_within_its_head_is_a_504(part, configure, connect, upstream):
    configure(timeouts=short(first_byte="300ms"))
    client = connect()
    client.send(GET)
    call, _ = upstream.request()
    call.send(part)
    assert client.final().status == 504
    assert call.is_over()


def test_a_service_that_drips_its_head_is_a_504(configure, connect, upstream):
    configure(timeouts=short(first_byte="300ms"))
    client = connect()
    client.send(GET)
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 200 OK\r\nX: ")
    client.socket.settimeout(0.02)
    while not client.buffer:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may be closed before the client is answered
            call.send(b"y")
        with suppress(TimeoutError):
            client.more()
    assert client.message().status == 504


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked", b"X: y"])
def test_a_service_that_stops_within_its_body_is_broken_off(framing, configure, connect, gateway, upstream):
    configure(timeouts=short(idle="300ms"))
    client = connect()
    client.send(GET)
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n5\r\nhello\r\n" % framing)
    assert client.was_reset()
    assert call.is_over()
    assert gateway.line()["casino.failure"] == "idle_timeout"


def test_a_service_that_drips_its_body_meets_the_total_deadline(configure, connect, gateway, upstream):
    configure(timeouts=short(total="2s"))
    client = connect()
    client.send(GET)
    call, _ = upstream.request()
    call.send(BIG)
    call.socket.settimeout(0.02)
    try:
        while True:
            call.send(b"x")
            try:
                call.more()
                break
            except TimeoutError:
                continue
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert client.was_reset()
    assert gateway.line()["casino.failure"] == "total_timeout"


def test_a_service_that_does_not_read_a_body_is_a_504(configure, connect, upstream):
    configure(timeouts=short(total="2s"), rest="  all: {match: /**, to: game, body: 1GB}")
    client = connect()
    client.send(POST % 50_000_000)
    upstream.accept().through(b"\r\n\r\n")
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.send(b"x" * 50_000_000)
    client.socket.settimeout(PATIENCE_SECONDS)
    answer = client.message()
    assert (answer.status, answer.failure) == (504, "total_timeout")


def test_a_service_that_cannot_be_reached_is_a_502(configure, connect):
    with socket.socket() as kept:  # bound, so that nobody else gets the port, and not listening
        kept.bind(("127.0.0.1", 0))
        configure(port=kept.getsockname()[1])
        answer = connect().ask(GET)
    assert (answer.status, answer.failure) == (502, "connect_refused")


def test_a_gateway_without_descriptors_blames_no_service(configure, connect, gateway, upstream):
    configure()
    client = connect()
    assert client.ask(b"GET /.casino/health HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    before = gateway.total(UPSTREAM_REQUESTS, outcome="failure")
    with no_more_descriptors(gateway.worker.words[Word.PID]):
        answer = client.ask(GET)
    assert (answer.status, answer.failure) == (503, "overload")
    assert gateway.total(UPSTREAM_REQUESTS, outcome="failure") == before
    client.send(GET)
    upstream.answer()
    assert client.message().status == 200


@contextmanager
def no_more_descriptors(pid):
    taken = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
    lowest_free = next(number for number in itertools.count() if number not in taken)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def test_a_request_that_waits_too_long_for_a_connection_is_a_503(configure, connect, upstream):
    configure(connections="{most: 1, queue: 1, queue_time: 200ms}")
    connect().send(GET)
    upstream.request()
    answer = connect().ask(GET)
    assert (answer.status, answer.failure, answer.one(b"retry-after")) == (503, "pool_full", b"1")


def test_a_request_that_finds_the_queue_full_is_a_503_at_once(configure, connect, gateway, upstream):
    configure(connections="{most: 1, queue: 1, queue_time: 30s}")
    connect().send(GET)
    upstream.request()
    connect().send(GET)
    until(lambda: gateway.total(UPSTREAM_WAITING) == 1)
    answer = connect().ask(GET)
    assert (answer.status, answer.failure, answer.one(b"retry-after")) == (503, "pool_full", b"1")
    assert gateway.total(UPSTREAM_WAITING) == 1


def test_the_total_deadline_holds_while_a_request_waits_for_a_connection(configure, connect, upstream):
    hasty = "  hasty: {match: /hasty, to: game, timeout: 300ms}"
    configure(connections="{most: 1, queue_time: 30s}", routes=hasty)
    first = connect().send(GET)
    call, _ = upstream.request()
    assert connect().ask(GET.replace(b"any", b"hasty")).failure == "total_timeout"
    call.send(OK)
    assert first.message().status == 200


def test_a_client_that_goes_away_while_it_waits_for_a_connection_is_forgotten(configure, connect, gateway, upstream):
    configure(connections="{most: 1, queue_time: 30s}")
    first, second, third = connect(), connect(), connect()
    first.send(GET)
    call, _ = upstream.request()
    second.send(GET)
    until(lambda: gateway.total(UPSTREAM_WAITING) == 1)
    second.close()
    until(lambda: gateway.total(UPSTREAM_WAITING) == 0)
    third.send(GET)
    call.send(OK)
    assert first.message().status == 200
    call.message()
    call.send(OK)
    assert third.message().status == 200
    assert gateway.total(UPSTREAM_IN_FLIGHT) == 0


def test_a_kept_connection_that_died_costs_a_safe_request_nothing(client, gateway, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(OK)
    client.message()
    client.send(GET)
    call.message()
    call.reset()
    upstream.answer()
    assert client.message().status == 200


@pytest.mark.parametrize("asked", [GET, PUT + b"helloworld"])
def test_a_kept_connection_is_closed_after_its_time_of_rest(asked, configure, connect, upstream):
    configure(connections="{idle: 200ms}")
    client = connect()
    client.send(asked)
    call, _ = upstream.request()
    call.send(OK)
    assert client.message().status == 200
    assert call.is_over()


def test_a_request_that_may_have_been_done_is_not_sent_twice(client, gateway, upstream):
    retried = gateway.total(RETRIES)
    client.send(GET)
    call, _ = upstream.request()
    call.send(OK)
    client.message()
    client.send(POST % 5, b"hello")
    assert call.message().body == b"hello"
    call.reset()
    answer = client.message()
    assert (answer.status, answer.failure) == (502, "upstream_reset")
    assert upstream.received() == b""
    assert gateway.total(RETRIES) == retried


def test_a_retry_sends_the_whole_body_again_to_another_target(configure, connect, gateway, upstream, other):
    configure(more=f", http://127.0.0.1:{other.port}", policies="retry: {attempts: 1}")
    retried = gateway.total(RETRIES, result="allowed")
    client = connect()
    client.send(PUT, b"hello")
    first, second = (upstream, other) if upstream.is_called(other) else (other, upstream)
    call = first.accept()
    call.through(b"hello")
    call.reset()
    call = second.accept()
    assert call.through(b"hello").endswith(b"\r\n\r\nhello")
    client.send(b"world")
    assert call.take(5) == b"world"
    call.send(OK)
    assert client.message().status == 200
    assert gateway.total(RETRIES, result="allowed") == retried + 1


def test_an_answer_after_another_try_says_how_long_its_own_service_took(configure, connect, gateway, upstream, other):
    configure(more=f", http://127.0.0.1:{other.port}", policies="retry: {on: ['503']}")
    client = connect().send(GET)
    first, second = (upstream, other) if upstream.is_called(other) else (other, upstream)
    first.answer(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    second.answer()
    assert client.message().status == 200
    line = gateway.line()
    assert line["casino.retries"] == 1
    assert 0 < line["casino.upstream.duration"] < line["event.duration"]
    assert "casino.gateway.duration" not in line


def test_an_answer_that_has_begun_is_not_begun_again(configure, connect, upstream, other):
    configure(more=f", http://127.0.0.1:{other.port}", policies="retry: {attempts: 1}")
    client = connect()
    client.send(GET)
    first, second = (upstream, other) if upstream.is_called(other) else (other, upstream)
    call, _ = first.request()
    call.send(BIG + b"hello")
    client.through(b"hello")
    call.reset()
    assert client.was_reset()
    assert second.received() == b""


def test_an_answer_given_up_for_a_retry_leaves_no_byte_of_it(configure, connect, upstream, other):
    configure(more=f", http://127.0.0.1:{other.port}", policies="retry: {attempts: 1, on: ['503']}")
    client = connect()
    client.send(GET)
    first, second = (upstream, other) if upstream.is_called(other) else (other, upstream)
    call, _ = first.request()
    call.send(b"HTTP/1.1 503 Busy\r\nX: first\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n")
    second.answer()
    answer = client.message()
    assert (answer.status, answer.body, answer.one(b"x")) == (200, b"ok", None)
