"""Pages of other sites: preflights are the gateway's own answer, and every other answer says who may read it."""

import pytest

from exporters.catalog.gateway import PREFLIGHTS, REQUESTS
from tests.proxy.wire import OK

PAGE = b"https://shop.example"
ROUTES = """
  roll:
    match: "GET /roll/{sides}"
    to: game
    cors: {origins: ["https://shop.example", "https://*.shop.example"], headers: [X-Beta], expose: [X-Left], credentials: true}
  anyone: {match: /anyone, to: game, cors: {origins: "*"}}
  closed: {match: /closed, to: game, cors: {origins: "https://shop.example"}, addresses: {allow: 10.0.0.0/8}}
  fixed: {match: /fixed, answer: {status: 200, body: hi}, cors: {origins: "https://shop.example"}}
  half: {match: GET /half, to: game, cors: {origins: "https://shop.example"}}
  other-half: {match: DELETE /half, to: game}
  sandbox: {match: /sandbox, to: game, cors: {origins: "null"}}
  small: {match: /small, to: game, body: 10B, answer_body: 10B, cors: {origins: "https://shop.example"}}
  plain: {match: /plain, to: game}
"""
EVIL = [
    "https://evil-shop.example", "https://evilshop.example", "https://shop.example.evil", "https://a.shop.example.evil",
    "HTTPS://SHOP.EXAMPLE", "https://Shop.example", "http://shop.example", "https://shop.example:8443",
    "https://shop.example:443", "https://shop.example/", "https://shop.example.", "null", "", "*",
    "https://shop.example, https://evil.example", "https://user@shop.example", "https://shop.example@evil.example",
    "https://evil.example/.shop.example", "https://evil.example#.shop.example", "https://.shop.example",
    "https://a..shop.example", "https://\xe9.shop.example", "ftp://shop.example",
]  # fmt: skip


def ask(method: bytes, target: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, target), b"Host: a", *lines, b"", b""])


def preflight(target: bytes, method: bytes = b"GET", origin: bytes = PAGE, *more: bytes) -> bytes:
    return ask(b"OPTIONS", target, b"Origin: " + origin, b"Access-Control-Request-Method: " + method, *more)


def permissions(answer) -> dict[bytes, bytes]:
    return {name: value for name, value in answer.headers if name.startswith(b"access-control-")}


@pytest.fixture(autouse=True)
def routes(configure):
    configure(routes=ROUTES, rest="")


def test_a_preflight_finds_the_route_of_the_method_it_asks_for(client, gateway, untouched):
    answer = client.ask(preflight(b"/roll/6", b"GET", PAGE, b"Access-Control-Request-Headers: x-beta"))
    assert (answer.status, answer.body) == (204, b"")
    assert permissions(answer) == {
        b"access-control-allow-origin": PAGE,
        b"access-control-allow-credentials": b"true",
        b"access-control-allow-methods": b"GET, HEAD, POST",
        b"access-control-allow-headers": b"X-Beta",
        b"access-control-expose-headers": b"X-Left",
        b"access-control-max-age": b"600",
    }
    assert answer.all(b"vary") == [b"Origin"]
    line = gateway.line()
    assert (line["casino.route"], line["casino.cors"], line["http.response.status_code"]) == ("roll", "allowed", 204)


def test_preflights_are_counted_for_themselves_and_not_as_requests(client, gateway):
    counted = [gateway.total(REQUESTS, route="roll"), gateway.total(PREFLIGHTS, route="roll", result="granted")]
    refused = gateway.total(PREFLIGHTS, route="roll", result="refused")
    client.ask(preflight(b"/roll/6"))
    client.ask(preflight(b"/roll/6", b"GET", b"https://evil.example"))
    client.ask(preflight(b"/roll/6", b"GET", PAGE, b"Access-Control-Request-Headers: x-unheard-of"))
    assert [
        gateway.total(REQUESTS, route="roll"), gateway.total(PREFLIGHTS, route="roll", result="granted"),
    ] == [counted[0], counted[1] + 1]  # fmt: skip
    assert gateway.total(PREFLIGHTS, route="roll", result="refused") == refused + 2


@pytest.mark.parametrize("origin", EVIL)
def test_an_evil_origin_is_told_nothing_in_a_preflight(origin, client, untouched):
    answer = client.ask(preflight(b"/roll/6", b"GET", origin.encode("latin-1")))
    assert answer.status == 204
    assert permissions(answer) == {}
    assert answer.all(b"vary") == [b"Origin"]


@pytest.mark.proves("4.2 no evil origin may read an answer")
@pytest.mark.parametrize("origin", EVIL)
def test_an_evil_origin_may_read_no_answer(origin, client, upstream):
    client.send(ask(b"GET", b"/roll/6", b"Origin: " + origin.encode("latin-1")))
    upstream.answer()
    answer = client.message()
    assert (answer.status, permissions(answer), answer.all(b"vary")) == (200, {}, [b"Origin"])


@pytest.mark.parametrize("origin", [PAGE, b"https://a.shop.example", b"https://a.b.shop.example"])
def test_a_page_that_may_call_may_read_the_answer(origin, client, upstream, gateway):
    client.send(ask(b"GET", b"/roll/6", b"Origin: " + origin))
    upstream.answer()
    answer = client.message()
    assert permissions(answer) == {
        b"access-control-allow-origin": origin,
        b"access-control-allow-credentials": b"true",
        b"access-control-expose-headers": b"X-Left",
    }
    assert answer.all(b"vary") == [b"Origin"]
    assert gateway.line()["casino.cors"] == "allowed"


@pytest.mark.parametrize("status", [b"200 OK", b"304 Not Modified", b"404 Not Found", b"500 Oh No"])
def test_answers_that_a_cache_may_keep_say_that_they_depend_on_the_origin(status, client, upstream):
    client.send(ask(b"GET", b"/roll/6"))
    more = b"" if status.startswith(b"304") else b"Content-Length: 0\r\n"
    upstream.answer(b"HTTP/1.1 %b\r\nCache-Control: max-age=60\r\nVary: Accept\r\n%b\r\n" % (status, more))
    answer = client.message()
    assert answer.all(b"vary") == [b"Accept", b"Origin"]
    assert permissions(answer) == {}


def test_a_failure_of_the_gateway_may_be_read_too(connect, upstream):
    client = connect().send(ask(b"GET", b"/roll/6", b"Origin: " + PAGE))
    upstream.request()[0].close()
    answer = client.message()
    assert (answer.status, answer.failure) == (502, "upstream_reset")
    assert permissions(answer)[b"access-control-allow-origin"] == PAGE
    assert answer.all(b"vary") == [b"Origin"]
    refused = connect().ask(ask(b"GET", b"/closed", b"Origin: " + PAGE))
    assert (refused.status, permissions(refused)[b"access-control-allow-origin"]) == (403, PAGE)
    fixed = connect().ask(ask(b"GET", b"/fixed", b"Origin: " + PAGE))
    assert (fixed.body, permissions(fixed)[b"access-control-allow-origin"]) == (b"hi", PAGE)
    large = connect().ask(ask(b"POST", b"/small", b"Origin: " + PAGE, b"Content-Length: 11"))
    assert (large.failure, permissions(large)[b"access-control-allow-origin"]) == ("body_too_large", PAGE)


def test_what_the_service_says_of_pages_is_dropped(client, upstream):
    client.send(ask(b"GET", b"/roll/6", b"Origin: https://evil.example"))
    upstream.answer(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\naccess-control-ALLOW-credentials: true\r\n"
        b"Access_Control_Allow_Origin: *\r\nAccess-Control-Allow-Private-Network: true\r\nX-Kept: 1\r\n\r\n"
    )
    answer = client.message()
    assert b"access" not in b"".join(name for name, _ in answer.headers)
    assert answer.one(b"x-kept") == b"1"


def test_where_the_route_says_nothing_the_service_speaks_for_itself(client, upstream):
    client.send(preflight(b"/plain"))
    upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\n\r\n")
    answer = client.message()
    assert (answer.one(b"access-control-allow-origin"), answer.all(b"vary")) == (b"*", [])


def test_every_page_may_read_what_is_for_everyone_and_caches_keep_one_copy(client, upstream):
    for lines in ([], [b"Origin: https://evil.example"], [b"Origin: null"]):
        client.send(ask(b"GET", b"/anyone", *lines))
        peer, _ = upstream.request()
        peer.send(OK.replace(b"200 OK\r\n", b"200 OK\r\nConnection: close\r\n"))
        answer = client.message()
        assert (permissions(answer), answer.all(b"vary")) == ({b"access-control-allow-origin": b"*"}, [])


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(ask(b"OPTIONS", b"/anyone"), id="plain"),
        pytest.param(ask(b"OPTIONS", b"/anyone", b"Origin: https://a"), id="only an origin"),
        pytest.param(ask(b"OPTIONS", b"/anyone", b"Access-Control-Request-Method: GET"), id="only a method"),
        pytest.param(preflight(b"/anyone", b"get"), id="a method that is none"),
        pytest.param(preflight(b"/anyone", b"GET", PAGE, b"Content-Length: 0", b"X: y")[:-2] + b"Content-Length: 2\r\n\r\nhi", id="two lengths"),
        pytest.param(preflight(b"/anyone", b"GET", PAGE, b"Content-Length: 2") + b"hi", id="with a body"),
        pytest.param(preflight(b"/half", b"DELETE"), id="for a method of a route without rules"),
    ],
)  # fmt: skip
def test_any_other_options_request_is_a_request_like_any_other(request_, client, upstream):
    client.send(request_)
    if b"DELETE" in request_:
        answer = client.message()
        assert (answer.status, answer.failure) == (405, "method_not_allowed")
    elif b"X: y" in request_:
        assert client.message().status == 400
    else:
        assert upstream.answer().start.startswith(b"OPTIONS /anyone ")
        assert client.message().status == 200


def test_a_method_that_is_not_served_is_not_announced(client, untouched):
    answer = client.ask(preflight(b"/roll/6", b"DELETE"))
    assert (answer.status, answer.failure, permissions(answer)) == (405, "method_not_allowed", {})


def test_a_preflight_from_a_denied_address_is_denied(client, untouched):
    answer = client.ask(preflight(b"/closed"))
    assert (answer.status, answer.failure) == (403, "address_denied")
    assert b"access-control-allow-methods" not in permissions(answer)


def test_the_origin_null_is_let_in_only_by_name(client, upstream):
    answer = client.ask(preflight(b"/sandbox", b"PUT", b"null"))
    assert permissions(answer)[b"access-control-allow-origin"] == b"null"
    assert permissions(client.ask(preflight(b"/sandbox"))) == {}


def test_two_origins_are_none(client, untouched):
    answer = client.ask(preflight(b"/roll/6", b"GET", PAGE, b"Origin: https://evil.example"))
    assert permissions(answer) == {}


def test_preflights_on_one_connection_are_answered_in_order(client, untouched):
    client.send(preflight(b"/roll/6") + preflight(b"/roll/7", b"GET", b"https://evil.example") + preflight(b"/anyone"))
    answers = [client.message() for _ in range(3)]
    assert [permissions(each).get(b"access-control-allow-origin") for each in answers] == [PAGE, None, b"*"]
