"""HTTP as it should be spoken: what clients and services may rely on."""

import json

import pytest

from exporters.catalog.gateway import REQUESTS, RESPONSES
from gateway.store.process import Phase
from tests.proxy.wire import GET, OK, PATIENCE_SECONDS
from tests.waiting import until

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
STATIC = b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n"


def request(path: bytes, *lines: bytes, method: bytes = b"GET", version: bytes = b"1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([b"%b %b HTTP/%b" % (method, path, version), b"Host: a", *lines, b"", b""]) + body


def test_a_connection_carries_one_request_after_the_other_to_one_upstream_connection(client, upstream):
    client.send(GET)
    call, seen = upstream.request()
    assert seen.start == b"GET /any HTTP/1.1"
    call.send(OK)
    assert client.message().body == b"ok"
    client.send(GET)
    assert call.message().start == seen.start
    call.send(OK)
    assert client.message().one(b"connection") is None


@pytest.mark.parametrize("line", [b"Connection: close", b"Connection: Close, X", b"connection: x,close"])
def test_a_client_that_wants_to_close_is_let_go(line, client, upstream):
    client.send(request(b"/any", line))
    upstream.answer()
    assert client.message().one(b"connection") == b"close"
    assert client.is_over()


def test_a_service_that_wants_to_close_does_not_close_the_client(client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    assert client.message().one(b"connection") is None
    assert call.is_over()
    client.send(GET)
    upstream.answer()
    assert client.message().status == 200


def test_http_1_0_closes(client, upstream):
    client.send(request(b"/any", version=b"1.0"))
    assert upstream.answer().start == b"GET /any HTTP/1.1"
    answer = client.message()
    assert (answer.start[:8], answer.one(b"connection")) == (b"HTTP/1.1", b"close")
    assert client.is_over()


def test_http_1_0_keeps_alive_if_asked(client, upstream):
    client.send(request(b"/any", b"Connection: keep-alive", version=b"1.0"))
    call, _ = upstream.request()
    call.send(OK)
    assert client.message().one(b"connection") == b"keep-alive"
    client.send(GET)
    call.message()
    call.send(OK)
    assert client.message().status == 200


def test_http_1_0_needs_no_host(client, upstream):
    client.send(b"GET /any HTTP/1.0\r\n\r\n")
    assert upstream.answer().all(b"host") == [b""]
    assert client.message().status == 200


def test_http_1_0_gets_chunks_as_they_are_until_the_end(client, upstream):
    client.send(request(b"/any", b"Connection: keep-alive", version=b"1.0"))
    upstream.answer(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")
    answer = client.message()
    assert (answer.all(b"transfer-encoding"), answer.one(b"connection")) == ([], b"close")
    assert answer.body == b"hello"


def test_head_is_answered_without_a_body_and_the_connection_lives(client, upstream):
    client.send(request(b"/any", method=b"HEAD"))
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")
    assert client.message(bodiless=True).one(b"content-length") == b"12345"
    client.send(GET)
    assert call.message().start == b"GET /any HTTP/1.1"
    call.send(OK)
    assert client.message().body == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no length"),
        pytest.param(CHUNKED, id="chunked"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", id="404"),
    ],
)
def test_head_has_no_body_however_the_answer_is_framed(answer, client, upstream):
    client.send(request(b"/any", method=b"HEAD") + STATIC)
    upstream.answer(answer)
    assert client.message(bodiless=True).status in {200, 404}
    assert client.message().body == b"hello"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_body_ends_at_its_head(status, client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 %b\r\nETag: x\r\n\r\n" % status)
    answer = client.message()
    assert (answer.body, answer.one(b"etag"), answer.one(b"transfer-encoding")) == (b"", b"x", None)
    client.send(GET)
    call.message()
    call.send(OK)
    assert client.message().body == b"ok"


def test_chunks_of_a_request_reach_the_service_without_extensions_and_trailers(client, upstream):
    client.send(
        request(b"/any", b"Transfer-Encoding: chunked", b"Trailer: X-Trailer", method=b"POST"),
        b"5;name=value\r\nhello\r\n",
        b"6\r\n world\r\n0;last\r\nX-Trailer: secret\r\n\r\n",
    )
    call = upstream.accept()
    head = call.through(b"\r\n\r\n").lower()
    assert b"trailer" not in head
    body = call.through(b"0\r\n\r\n")
    assert b"name" not in body
    assert b"secret" not in body
    call.send(OK)
    assert client.message().status == 200


def test_a_service_hears_of_trailers_only_what_is_true(client, upstream):
    client.send(request(b"/any", b"TE: trailers, gzip", b"Connection: TE"))
    assert upstream.answer().all(b"te") == []
    assert client.message().status == 200


def test_a_body_streams_up_before_it_is_whole(client, upstream):
    client.send(request(b"/any", b"Content-Length: 10", method=b"POST"), b"hello")
    call = upstream.accept()
    assert call.through(b"hello").endswith(b"\r\n\r\nhello")
    client.send(b"world")
    assert call.take(5) == b"world"
    call.send(OK)
    assert client.message().status == 200


def test_events_are_passed_on_one_by_one(client, upstream):
    client.send(request(b"/any", b"Accept: text/event-stream"))
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    client.through(b"\r\n\r\n")
    for event in (b"data: one\n\n", b"data: two\n\n"):
        call.send(event)
        assert client.through(event + b"\r\n").startswith(b"b\r\n")
    call.close()
    assert client.through(b"0\r\n\r\n")


def test_interim_answers_are_passed_on_before_the_final_one(client, upstream):
    client.send(GET)
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X\r\nX: y\r\n\r\n")
    hint = client.message()
    assert (hint.status, hint.headers) == (103, ((b"link", b"</a>"),))
    call.send(OK)
    assert client.message().status == 200


def test_what_a_route_removes_or_replaces_stands_in_no_interim_answer_either(client, upstream):
    client.send(GET.replace(b"any", b"ruled"))
    call, _ = upstream.request()
    call.send(b"HTTP/1.1 103 Early Hints\r\nX-Answer: theirs\r\nLink: </a>\r\n\r\n" + OK)
    assert client.message().headers == ((b"link", b"</a>"),)
    assert client.message().one(b"x-answer") == b"set"


def test_http_1_0_gets_no_interim_answer(client, upstream):
    client.send(request(b"/any", version=b"1.0"))
    upstream.answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    assert client.message().status == 200


def test_a_client_that_expects_100_gets_it_once_the_request_is_admitted(client, upstream):
    client.send(request(b"/any", b"Expect: 100-continue", b"Content-Length: 5", method=b"POST"))
    assert client.message().status == 100
    client.send(b"hello")
    seen = upstream.answer()
    assert (seen.body, seen.all(b"expect")) == (b"hello", [])
    assert client.message().status == 200
    assert client.ask(STATIC).status == 203


def test_a_client_that_expects_100_and_is_refused_need_not_send_its_body(client, untouched):
    refused = client.ask(request(b"/small", b"Expect: 100-continue", b"Content-Length: 5000", method=b"POST"))
    assert (refused.status, refused.one(b"connection")) == (413, b"close")
    assert client.is_over()


def test_http_1_0_gets_no_100(client, upstream):
    client.send(request(b"/any", b"Expect: 100-continue", b"Content-Length: 5", method=b"POST", version=b"1.0"))
    client.send(b"hello")
    upstream.answer()
    assert client.message().status == 200


def test_pipelined_requests_are_answered_in_order(client, upstream):
    client.send(b"".join(request(b"/%d" % number) for number in range(20)))
    call = upstream.accept()
    for number in range(20):
        assert call.message().start == b"GET /%d HTTP/1.1" % number
        assert call.so_far() == b""
        call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%02d" % number)
    assert [client.message().body for _ in range(20)] == [b"%02d" % number for number in range(20)]


def test_pipelined_requests_with_bodies_keep_apart(client, upstream):
    client.send(
        request(b"/1", b"Content-Length: 3", method=b"POST", body=b"one")
        + request(b"/2", b"Transfer-Encoding: chunked", method=b"POST", body=b"3\r\ntwo\r\n0\r\n\r\n")
        + request(b"/static", b"Content-Length: 5", method=b"POST", body=b"three")
        + request(b"/4", b"Content-Length: 4", method=b"PUT", body=b"four")
    )
    call = upstream.accept()
    for body in (b"one", b"two", b"four"):
        assert call.message().body == body
        call.send(OK)
    assert [client.message().status for _ in range(4)] == [200, 200, 203, 200]


@pytest.mark.parametrize("path", [b"/any", b"/static"])
def test_10_000_pipelined_requests_in_one_packet_cost_little_memory_and_disturb_nobody(
    path, gateway, connect, upstream
):
    client, other = connect(), connect()
    before = gateway.memory_bytes()
    client.socket.setblocking(False)
    burst = request(path) * 10_000
    sent = client.socket.send(burst)
    client.socket.settimeout(PATIENCE_SECONDS)
    assert other.ask(STATIC).status == 203
    call = upstream.accept() if path == b"/any" else None
    answered = 0
    while answered < 1_000:
        if call:
            call.message()
            call.send(OK)
        assert client.message().status in {200, 203}
        answered += 1
    assert sent > 100_000
    assert gateway.memory_bytes() - before < 8_000_000


def test_a_client_that_pipelines_without_end_is_read_no_further_than_the_cap(gateway, connect, upstream, configure):
    configure(bounds="{pipelined: 8kB}")
    client = connect()
    before = gateway.memory_bytes()
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.send(GET * 1_000_000)
    client.socket.settimeout(PATIENCE_SECONDS)
    call = upstream.accept()
    for _ in range(500):
        call.message()
        call.send(OK)
        client.message()
    assert gateway.memory_bytes() - before < 4_000_000


def test_a_request_behind_more_than_the_cap_is_still_answered(connect, upstream, configure):
    """A cap below the size of a head, and a body across it."""
    configure(bounds="{pipelined: 100B}")
    client = connect()
    body = b"x" * 300_000
    client.send(GET + request(b"/any", b"X: " + b"y" * 5_000), GET)
    client.send(request(b"/any", b"Content-Length: 300000", method=b"PUT"), body, GET)
    call = upstream.accept()
    for expected in (b"", b"", b"", body, b""):
        assert call.message().body == expected
        call.send(OK)
        assert client.message().status == 200


# ---- answers of the gateway itself


def test_a_static_answer_has_its_status_headers_and_body(client, untouched):
    answer = client.ask(STATIC)
    assert (answer.status, answer.one(b"x-kind"), answer.body) == (203, b"static", b"hello")
    assert answer.one(b"date")


def test_a_static_answer_to_head_has_its_length_alone(client, untouched):
    client.send(request(b"/static", method=b"HEAD") + STATIC)
    assert client.message(bodiless=True).one(b"content-length") == b"5"
    assert client.message().body == b"hello"


def test_a_static_answer_without_body(client, untouched):
    answer = client.ask(request(b"/empty"))
    assert (answer.status, answer.body, answer.all(b"content-length")) == (204, b"", [])
    assert client.ask(STATIC).status == 203


def test_a_static_answer_does_not_wait_for_the_body_and_keeps_the_connection_if_that_is_small(client, untouched):
    answer = client.ask(request(b"/static", b"Content-Length: 1000", method=b"POST"))
    assert (answer.status, answer.one(b"connection")) == (203, None)
    client.send(b"x" * 1000)
    assert client.ask(STATIC).status == 203


def test_maintenance_counts_neither_as_good_nor_as_bad(client, gateway, untouched):
    answers, counted = gateway.total(RESPONSES), gateway.total(REQUESTS)
    answer = client.ask(request(b"/maintenance"))
    assert (answer.status, answer.body, answer.one(b"retry-after")) == (503, b"soon", b"60")
    until(lambda: gateway.total(RESPONSES) == answers + 1)
    assert gateway.total(REQUESTS) == counted


def test_no_route_is_404_with_a_problem(configure, connect, untouched):
    configure(routes="  roll: {match: GET /roll, answer: {status: 200}}", rest="")
    answer = connect().ask(request(b"/elsewhere"))
    assert (answer.status, answer.failure) == (404, "no_route")
    assert answer.one(b"content-type") == b"application/problem+json"
    assert json.loads(answer.body)["instance"] == answer.one(b"x-request-id").decode()


def test_a_wrong_method_is_405_with_those_that_are_allowed(configure, connect, untouched):
    configure(routes="  roll: {match: {path: /roll, methods: [GET, PUT]}, answer: {status: 200}}", rest="")
    answer = connect().ask(request(b"/roll", method=b"POST"))
    assert (answer.status, answer.failure) == (405, "method_not_allowed")
    assert set(answer.one(b"allow").split(b", ")) >= {b"GET", b"PUT"}


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_the_health_path_is_answered_at_once(method, client, untouched):
    client.send(request(b"/.casino/health", method=method))
    answer = client.message(bodiless=method == b"HEAD")
    assert (answer.status, answer.one(b"cache-control")) == (200, b"no-store")
    client.send(request(b"/.casino/health/game", method=method))
    assert client.message(bodiless=method == b"HEAD").status == 200


def test_the_health_path_says_503_while_the_gateway_drains(client, gateway, configure, untouched):
    gateway.phase(Phase.LAME)
    until(lambda: client.ask(request(b"/.casino/health")).status == 503)
    assert client.ask(STATIC).status == 203


def test_options_of_everything_meets_no_route(client, untouched):
    assert client.ask(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status == 404
    assert client.ask(STATIC).status == 203


# ---- listeners


def test_a_unix_listener_serves(connect, upstream):
    client = connect("unix")
    client.send(GET)
    assert upstream.answer().all(b"x-forwarded-for") == [b"unknown"]
    assert client.message().status == 200


V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes([198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x34, 0, 80])


@pytest.mark.parametrize(
    ("preface", "address"),
    [
        pytest.param(b"PROXY TCP4 198.51.100.7 192.0.2.1 1 80\r\n", b"198.51.100.7", id="version 1"),
        pytest.param(b"PROXY TCP6 2001:db8::7 2001:db8::1 1 80\r\n", b"2001:db8::7", id="version 1, IPv6"),
        pytest.param(b"PROXY TCP6 ::ffff:198.51.100.7 ::1 1 80\r\n", b"198.51.100.7", id="version 1, mapped"),
        pytest.param(b"PROXY UNKNOWN\r\n", b"127.0.0.2", id="version 1, unknown"),
        pytest.param(V2, b"198.51.100.7", id="version 2"),
        pytest.param(V2[:12] + b"\x20\x00\x00\x00", b"127.0.0.2", id="version 2, local"),
    ],
)
@pytest.mark.parametrize("dripping", [False, True], ids=["at once", "byte by byte"])
def test_a_trusted_peer_says_who_the_client_is(preface, address, dripping, connect, upstream):
    client = connect("proxy", "127.0.0.2")
    client.drip(preface + GET) if dripping else client.send(preface + GET)
    assert upstream.answer().all(b"x-forwarded-for") == [address]
    assert client.message().status == 200


@pytest.mark.parametrize(
    ("preface", "chain"),
    [
        pytest.param(b"PROXY UNKNOWN\r\n", b"127.0.0.2", id="a client it does not know"),
        pytest.param(V2[:13] + b"\x31\x00\x00", b"127.0.0.2", id="a client of another family"),
        pytest.param(V2[:12] + b"\x20\x00\x00\x00", b"6.6.6.6, 127.0.0.2", id="itself"),
    ],
)
def test_claims_are_believed_only_of_whom_a_trusted_peer_names(preface, chain, connect, upstream):
    client = connect("proxy", "127.0.0.2").send(preface + GET[:-2] + b"X-Forwarded-For: 6.6.6.6\r\n\r\n")
    assert upstream.answer().one(b"x-forwarded-for") == chain
    assert client.message().status == 200


@pytest.mark.parametrize(
    ("preface", "source"),
    [
        pytest.param(b"PROXY TCP4 198.51.100.7 192.0.2.1 1 80\r\n", "127.0.0.1", id="from a stranger"),
        pytest.param(V2, "127.0.0.1", id="version 2 from a stranger"),
        pytest.param(b"", "127.0.0.2", id="none"),
        pytest.param(b"PROXY TCP4 198.51.100.7\r\n", "127.0.0.2", id="too short"),
        pytest.param(b"PROXY " + b"x" * 200, "127.0.0.2", id="too long"),
        pytest.param(V2[:12] + b"\x31\x11\x00\x0c" + V2[16:], "127.0.0.2", id="another version"),
    ],
)
def test_without_a_valid_proxy_header_of_a_trusted_peer_nothing_is_served(preface, source, connect, untouched):
    client = connect("proxy", source)
    client.send(preface + GET)
    assert client.is_over()


def test_a_proxy_header_on_a_plain_listener_is_no_request(client, untouched):
    assert client.ask(b"PROXY TCP4 198.51.100.7 192.0.2.1 1 80\r\n" + GET).status == 400
