"""How much of an answer is passed on, and what protects browsers on it."""

import pytest

from exporters.catalog.gateway import FAILURES, REQUESTS, UPSTREAM_REQUESTS
from gateway.core.protection import PRESET
from tests.proxy.wire import GET
from tests.waiting import until

ROUTES = """
  bounded: {match: /bounded, to: game, answer_body: 1000B}
  nothing: {match: /nothing, to: game, answer_body: 0B}
  page: {match: /page, to: game, security_headers: true}
  framed:
    match: /framed
    to: game
    security_headers: true
    headers: {response: {remove: [Referrer-Policy], set: {X-Frame-Options: SAMEORIGIN}, add: {Permissions-Policy: usb=*}}}
  fixed: {match: /fixed, security_headers: true, answer: {status: 200, headers: {X-Frame-Options: SAMEORIGIN}, body: hi}}
  kept-out: {match: /kept-out, to: game, security_headers: true, addresses: {allow: 10.0.0.0/8}}
"""


@pytest.fixture(autouse=True)
def routes(configure):
    configure(routes=ROUTES)


def get(path: bytes, method: bytes = b"GET") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: a\r\n\r\n" % (method, path)


def answer(body: bytes, *lines: bytes, length: int | None = None) -> bytes:
    said = len(body) if length is None else length
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % said, *lines, b"", body])


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def test_an_answer_that_says_it_is_too_long_is_never_begun(client, upstream, gateway):
    failures = gateway.total(FAILURES, route="bounded", failure="answer_too_large")
    bad = gateway.total(REQUESTS, route="bounded", **{"class": "5xx", "source": "gateway"})
    client.send(get(b"/bounded"))
    peer, _ = upstream.request()
    peer.send(answer(b"x", length=1001))
    refused = client.message()
    assert (refused.status, refused.failure) == (502, "answer_too_large")
    assert peer.is_over()
    assert gateway.total(FAILURES, route="bounded", failure="answer_too_large") == failures + 1
    assert gateway.total(REQUESTS, route="bounded", **{"class": "5xx", "source": "gateway"}) == bad + 1
    client.send(get(b"/bounded"))
    upstream.answer(answer(b"x" * 1000))
    assert len(client.message().body) == 1000


def test_no_target_is_blamed_for_a_long_answer(client, upstream, gateway):
    before = gateway.total(UPSTREAM_REQUESTS, outcome="failure")
    client.send(get(b"/bounded"))
    upstream.answer(answer(b"x" * 1001))
    assert client.message().failure == "answer_too_large"
    assert gateway.total(UPSTREAM_REQUESTS, outcome="failure") == before


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([CHUNKED + chunks(b"x" * 1000) + b"0\r\n\r\n"], id="in chunks, at once"),
        pytest.param([CHUNKED, chunks(b"x" * 999), chunks(b"x") + b"0\r\n\r\n"], id="in chunks, bit by bit"),
        pytest.param([CHUNKED + chunks(*[b"x"] * 1000) + b"0\r\n\r\n"], id="in chunks of one byte"),
        pytest.param([answer(b"x" * 400, length=1000), b"x" * 600], id="of a stated length, in two pieces"),
    ],
)
def test_an_answer_of_just_that_size_is_passed_on(pieces, client, upstream):
    client.send(get(b"/bounded"))
    upstream.request()[0].send(*pieces)
    assert client.message().body == b"x" * 1000


def test_an_answer_of_just_that_size_may_end_with_the_connection(client, upstream):
    client.send(get(b"/bounded"))
    peer, _ = upstream.request()
    peer.send(CLOSED, b"x" * 1000).close()
    assert client.message().body == b"x" * 1000


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([CHUNKED + chunks(b"x" * 1001) + b"0\r\n\r\n"], id="in chunks, at once"),
        pytest.param([CHUNKED, chunks(b"x" * 1000), chunks(b"x")], id="in chunks, by one byte"),
        pytest.param([CHUNKED + chunks(*[b"x"] * 1001)], id="in chunks of one byte"),
        pytest.param([CLOSED + b"x" * 1001], id="until the connection ends"),
        pytest.param([CLOSED, b"x" * 1000, b"x"], id="until the connection ends, by one byte"),
    ],
)
def test_an_answer_that_grows_too_long_is_broken_off_at_the_bound(pieces, client, upstream, gateway):
    before = gateway.total(FAILURES, route="bounded", failure="answer_too_large")
    client.send(get(b"/bounded"))
    peer, _ = upstream.request()
    peer.send(*pieces)
    assert client.was_reset()
    assert client.buffer.count(b"x") <= 1000 + client.buffer.count(b"x-request-id")
    assert not client.buffer.endswith(b"0\r\n\r\n")
    until(lambda: gateway.total(FAILURES, route="bounded", failure="answer_too_large") == before + 1)
    assert gateway.line()["casino.failure"] == "answer_too_large"


def test_an_answer_without_a_body_may_say_any_length(client, upstream):
    client.send(get(b"/bounded", b"HEAD"))
    peer, _ = upstream.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    head = client.message(bodiless=True)
    assert (head.status, head.one(b"content-length")) == (200, b"5000")


def test_a_route_may_want_no_body_at_all(client, upstream):
    client.send(get(b"/nothing"))
    peer, _ = upstream.request()
    peer.send(answer(b""))
    assert client.message().status == 200
    client.send(get(b"/nothing"))
    peer.message()
    peer.send(answer(b"x"))
    assert client.message().failure == "answer_too_large"


def test_other_routes_pass_any_size_on(client, upstream):
    client.send(GET)
    upstream.answer(answer(b"x" * 3_000_000))
    assert len(client.message().body) == 3_000_000


def test_answers_protect_browsers(client, upstream):
    client.send(get(b"/page"))
    upstream.answer(answer(b"", b"Server: thing/1.2", b"X-Powered-By: PHP", b"X-AspNet-Version: 4", b"X-Kept: 1"))
    headers = client.message().headers
    assert [header for header in headers if header in PRESET] == PRESET
    assert (b"X-Kept".lower(), b"1") in headers
    assert {b"server", b"x-powered-by", b"x-aspnet-version"}.isdisjoint(name for name, _ in headers)


def test_what_the_service_says_itself_wins(client, upstream):
    client.send(get(b"/page"))
    upstream.answer(answer(b"", b"X-FRAME-Options: SAMEORIGIN", b"Referrer-Policy: no-referrer"))
    found = client.message()
    assert found.all(b"x-frame-options") == [b"SAMEORIGIN"]
    assert found.all(b"referrer-policy") == [b"no-referrer"]
    assert found.all(b"x-content-type-options") == [b"nosniff"]


def test_and_so_do_rules_of_the_route(client, upstream):
    client.send(get(b"/framed"))
    upstream.answer()
    found = client.message()
    assert found.all(b"x-frame-options") == [b"SAMEORIGIN"]
    assert found.all(b"referrer-policy") == []
    assert found.all(b"permissions-policy") == [b"usb=*"]
    assert found.all(b"cross-origin-opener-policy") == [b"same-origin"]


def test_a_fixed_answer_is_protected_too(client):
    found = client.ask(get(b"/fixed"))
    assert found.all(b"x-frame-options") == [b"SAMEORIGIN"]
    assert found.all(b"x-content-type-options") == [b"nosniff"]


def test_failures_of_the_gateway_are_protected(connect, upstream):
    refused = connect().ask(get(b"/kept-out"))
    assert refused.status == 403
    assert [header for header in refused.headers if header in PRESET] == PRESET
    client = connect().send(get(b"/page"))
    upstream.request()[0].close()
    broken = client.message()
    assert broken.status == 502
    assert [header for header in broken.headers if header in PRESET] == PRESET


def test_elsewhere_the_service_keeps_its_headers(client, upstream):
    client.send(GET)
    upstream.answer(answer(b"", b"Server: thing/1.2"))
    found = client.message()
    assert found.one(b"server") == b"thing/1.2"
    assert found.one(b"x-content-type-options") is None
