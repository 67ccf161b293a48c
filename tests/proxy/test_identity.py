"""What the gateway says of a client to a service: nothing a client sends can stand beside it or take it away."""

import re

import pytest

from tests.proxy.wire import GET

TRUSTED = "127.0.0.2"
WRITTEN = {
    b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port",
    b"x-request-id", b"traceparent",
}  # fmt: skip
HEARSAY = {
    b"x-real-ip", b"x-client-ip", b"client-ip", b"true-client-ip", b"x-cluster-client-ip", b"cf-connecting-ip",
    b"fastly-client-ip", b"x-envoy-external-address", b"x-original-forwarded-for", b"x-forwarded-by", b"x-forwarded-path",
    b"x-forwarded-client-cert", b"front-end-https",
    b"x-forwarded-prefix", b"x-forwarded-server", b"x-forwarded-scheme", b"x-forwarded-ssl", b"x-original-url",
    b"x-rewrite-url", b"x-original-host", b"casino-failure",
}  # fmt: skip
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def request(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET /any HTTP/1.1", b"Host: a", *lines, b"", b""])


def spellings(name: bytes) -> list[bytes]:
    lax = [name.replace(b"-", joint) for joint in (b"_", b".", b"~", b"!")]
    return [name, name.upper(), *lax, name.title().replace(b"-", b"_"), name.replace(b"-", b"_", 1)]


def dashed(headers) -> list[bytes]:
    return [re.sub(b"[^a-z0-9]", b"-", name.lower()) for name, _ in headers]


@pytest.fixture
def seen(connect, upstream):
    """What the service sees of a request."""

    def ask(raw: bytes, source: str = "127.0.0.1", listener: str = ""):
        client = connect(listener, source)
        client.send(raw)
        found = upstream.answer()
        assert client.message().status == 200
        return found

    return ask


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_copies_that_a_stranger_sends_of_what_the_gateway_writes_are_replaced(name, seen):
    found = seen(request(*[spelling + b": 6.6.6.6" for spelling in spellings(name) * 2]))
    assert dashed(found.headers).count(name) == 1
    assert b"6.6.6.6" not in b"".join(value for _, value in found.headers)


@pytest.mark.parametrize("name", sorted(HEARSAY))
def test_claims_of_a_stranger_are_dropped_in_every_spelling(name, seen):
    found = seen(request(*[spelling + b": 6.6.6.6" for spelling in spellings(name)]))
    assert name not in dashed(found.headers)


@pytest.mark.parametrize("name", sorted(HEARSAY - {b"casino-failure"}))
def test_claims_of_a_trusted_proxy_are_passed_on(name, seen):
    assert seen(request(name + b": 6.6.6.6"), TRUSTED).one(name) == b"6.6.6.6"


@pytest.mark.parametrize("source", ["127.0.0.1", TRUSTED])
def test_nobody_sets_the_proxy_of_a_cgi_program(source, seen):
    found = seen(request(*[spelling + b": http://6.6.6.6" for spelling in spellings(b"proxy")]), source)
    assert b"proxy" not in dashed(found.headers)


@pytest.mark.parametrize("source", ["127.0.0.1", TRUSTED])
def test_connection_takes_away_nothing_a_service_relies_on(source, seen):
    kept = [b"authorization", b"cookie", b"content-type", b"origin", b"date", b"cache-control", b"tracestate"]
    named = b", ".join([*WRITTEN, *kept, b"host", b"content-length", b"x-mine"])
    found = seen(
        request(
            b"Connection: " + named,
            b"Traceparent: " + TRACE,
            *[name + b": given" for name in kept],
            b"X-Mine: given",
            b"X-Other: given",
        ),
        source,
    )
    names = set(dashed(found.headers))
    assert names >= WRITTEN | set(kept) | {b"host", b"x-other"}
    assert b"x-mine" not in names


@pytest.mark.parametrize(
    ("traceparent", "state"),
    [
        pytest.param([b"Traceparent: " + TRACE], [b"a=1", b"b=2"], id="goes on with its trace"),
        pytest.param([], [], id="without a trace"),
        pytest.param([b"Traceparent: 00-nothing"], [], id="with a trace that is none"),
        pytest.param([b"Traceparent: " + TRACE] * 2, [], id="with two traces"),
    ],
)
def test_the_state_of_a_trace_goes_on_with_it_or_not_at_all(traceparent, state, seen):
    found = seen(request(*traceparent, b"Tracestate: a=1", b"X-Other: y", b"Tracestate: b=2"))
    assert (found.all(b"tracestate"), found.one(b"x-other")) == (state, b"y")


def test_headers_of_one_connection_go_no_further(seen):
    hop_by_hop = [
        b"Keep-Alive", b"Proxy-Connection", b"Proxy-Authorization", b"Proxy-Authenticate", b"TE", b"Trailer",
        b"HTTP2-Settings", b"Proxy_Authorization",
    ]  # fmt: skip
    found = seen(request(b"Connection: keep-alive, X-A", *[name + b": x" for name in hop_by_hop], b"X-A: x", b"x-b: x"))
    assert {name for name, _ in found.headers} == {*WRITTEN, b"host", b"via", b"x-b"}


def test_a_stranger_is_introduced_by_what_its_connection_shows(seen):
    found = seen(request(b"X-Forwarded-For: 6.6.6.6", b"Forwarded: for=6.6.6.6", b"X-Forwarded-Proto: https"))
    assert found.one(b"x-forwarded-for") == b"127.0.0.1"
    assert found.one(b"x-forwarded-proto") == b"http"
    assert found.one(b"x-forwarded-host") == b"a"
    assert found.one(b"forwarded") == b'for=127.0.0.1;host="a";proto=http'


def test_a_trusted_proxy_is_believed(seen):
    found = seen(request(b"X-Forwarded-For: 6.6.6.6, 198.51.100.7", b"X-Forwarded-Proto: https"), TRUSTED)
    assert found.one(b"x-forwarded-for") == b"6.6.6.6, 198.51.100.7, 127.0.0.2"
    assert found.one(b"x-forwarded-proto") == b"https"


@pytest.mark.parametrize("source", ["127.0.0.1", TRUSTED])
def test_an_address_mapped_into_ipv6_is_that_address(source, seen):
    found = seen(request(b"X-Forwarded-For: ::ffff:198.51.100.7"), source, "dual")
    addresses = found.one(b"x-forwarded-for")
    assert addresses == (b"198.51.100.7, 127.0.0.2" if source == TRUSTED else b"127.0.0.1")


@pytest.mark.parametrize("value", [b"a\tb", b"x" * 129, b"a b", b"a,b", b'"', "é".encode(), b""])
@pytest.mark.parametrize("source", ["127.0.0.1", TRUSTED])
def test_a_request_id_that_is_not_plain_is_replaced(value, source, seen):
    assert re.fullmatch(rb"[0-9a-f]{32}", seen(request(b"X-Request-Id: " + value), source).one(b"x-request-id"))


@pytest.mark.parametrize("source", ["127.0.0.1", TRUSTED])
def test_a_request_id_is_kept_from_trusted_proxies_alone(source, seen):
    found = seen(request(b"X-Request-Id: mine-1"), source).one(b"x-request-id")
    assert (found == b"mine-1") == (source == TRUSTED)


def test_two_request_ids_are_none(seen):
    assert re.fullmatch(
        rb"[0-9a-f]{32}", seen(request(b"X-Request-Id: a", b"X-Request-Id: b"), TRUSTED).one(b"x-request-id")
    )


def test_a_trace_is_continued_with_a_span_of_our_own(seen):
    found = seen(request(b"traceparent: " + TRACE)).one(b"traceparent")
    assert found[:36] == TRACE[:36]
    assert found != TRACE


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"traceparent: " + TRACE, b"traceparent: " + TRACE], id="two"),
        pytest.param([b"traceparent: " + TRACE.upper()], id="capitals"),
        pytest.param([b"traceparent: 00-" + b"0" * 32 + b"-b7ad6b7169203331-01"], id="no trace"),
        pytest.param([b"trace_parent: x", b"Trace-Parent: x"], id="other names"),
    ],
)
def test_a_trace_that_is_none_is_begun_anew(lines, seen):
    found = seen(request(*lines)).one(b"traceparent")
    assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01", found)
    assert found[3:35] != TRACE[3:35]


def test_the_request_id_is_in_request_answer_and_log(client, gateway, upstream):
    client.send(GET)
    asked = upstream.answer().one(b"x-request-id")
    assert client.message().one(b"x-request-id") == asked
    line = gateway.line()
    assert line["http.request.id"] == asked.decode()


def test_a_refused_head_has_a_request_id_in_answer_and_log(client, gateway, untouched):
    answer = client.ask(b"nonsense\r\n\r\n")
    line = gateway.line()
    assert line["http.request.id"] == answer.one(b"x-request-id").decode()
    assert (line["casino.failure"], line["http.response.status_code"]) == ("bad_request", 400)
    assert line["source.ip"] == "127.0.0.1"


def test_what_a_route_sets_stands_alone(client, upstream):
    client.send(b"GET /ruled HTTP/1.1\r\nHost: a\r\nX-Identity: me\r\nX_Identity: me\r\nX_Gone: x\r\nX-Gone: x\r\n\r\n")
    found = upstream.answer(b"HTTP/1.1 200 OK\r\nX-Answer: lie\r\nX_Answer: lie\r\nContent-Length: 0\r\n\r\n")
    assert [value for name, value in found.headers if name.replace(b"_", b"-") == b"x-identity"] == [b"gateway"]
    assert b"x-gone" not in dashed(found.headers)
    answer = client.message()
    assert [value for name, value in answer.headers if name.replace(b"_", b"-") == b"x-answer"] == [b"set"]
