"""Requests that two servers could read in two ways: refused with one answer, and nothing of them reaches a service."""

import pytest

from tests.proxy.wire import GET, OK

pytestmark = pytest.mark.proves("3.4 every framing case of the notes is refused, and nothing ambiguous is passed on")

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST /any HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
TARGET = b"/%b HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1", host: bytes = b"Host: a\r\n") -> bytes:
    return b"POST /any HTTP/%b\r\n%b%b\r\n\r\n%b" % (version, host, b"\r\n".join(lines), body)


def get(target: bytes = b"/any", *lines: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join([b"%b %b %b" % (method, target, version), b"Host: a", *lines, b"", b""])


LENGTHS = {
    "length and coding": post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "coding and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths that differ": post(b"Content-Length: 0", b"Content-Length: 34", body=HIDDEN),
    "two lengths alike": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "a list of lengths": post(b"Content-Length: 5, 5", body=b"hello"),
    "a length with a sign": post(b"Content-Length: +5", body=b"hello"),
    "a negative length": post(b"Content-Length: -1", body=b"hello"),
    "an empty length": post(b"Content-Length: ", body=b"hello"),
    "a length in hexadecimal": post(b"Content-Length: 0x5", body=b"hello"),
    "a length beyond 64 bits": post(b"Content-Length: 18446744073709551621", body=b"hello"),
    "a length of 5,000 digits": post(b"Content-Length: " + b"0" * 5000 + b"5", body=b"hello"),
    "a length in Arabic digits": post("Content-Length: \u0665".encode(), body=b"hello"),
    "a length with a vertical tab": post(b"Content-Length: 5\x0b", body=b"hello"),
    "a length with a fraction": post(b"Content-Length: 5.0", body=b"hello"),
    "a length with a blank inside": post(b"Content-Length: 5 5", body=b"hello"),
    "a space before the colon of a length": post(b"Content-Length : 35", body=HIDDEN),
    "a tab before the colon of a length": post(b"Content-Length\t: 35", body=HIDDEN),
    "a space before the colon of a coding": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HIDDEN),
    "a length, and a coding with a space": post(
        b"Content-Length: 4", b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HIDDEN
    ),
    "a space before a coding": post(b"X: y", b" Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "a space before the first header": b"POST /any HTTP/1.1\r\n Host: a\r\nContent-Length: 0\r\n\r\n",
    "a coding on HTTP/1.0": post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0"),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "the coding identity": post(b"Transfer-Encoding: identity", body=b"hello"),
    "chunked and identity": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "gzip and chunked": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "chunked in two headers": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunked and identity in two headers": post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"
    ),
    "an empty coding": post(b"Transfer-Encoding: ", body=b"0\r\n\r\n"),
    "a coding with a comma": post(b"Transfer-Encoding: ,chunked", body=b"0\r\n\r\n"),
    "a coding in quotes": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "a coding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "a coding with a parameter": post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n"),
}
CHUNKS = {
    "a size in C's hexadecimal": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size with blanks": b" 5 \r\nhello\r\n0\r\n\r\n",
    "a size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size ended by a line feed": b"5\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size in Arabic digits": "\u0665\r\nhello\r\n0\r\n\r\n".encode(),
    "an extension with a line feed": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "an extension with a carriage return": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "an extension with NUL": b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
    "data longer than its size": b"4\r\nhello\r\n0\r\n\r\n",
    "data without its CRLF": b"5\r\nhello0\r\n\r\n",
    "data ended by a line feed": b"5\r\nhello\n0\r\n\r\n",
    "data ended by a carriage return": b"5\r\nhello\r0\r\n\r\n",
    "the last chunk ended by a line feed": b"5\r\nhello\r\n0\n\r\n",
    "a trailer with a bare line feed": b"0\r\nA: b\nHost: b\r\n\r\n",
    "a trailer with a space before its colon": b"0\r\nA : b\r\n\r\n",
    "a trailer that is none": b"0\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
}
HEADERS = {
    "a folded header": get(b"/any", b"X: y", b" folded"),
    "a folded header that looks like one": get(b"/any", b"X: y", b" Z: w"),
    "a line without a colon": get(b"/any", b"nonsense"),
    "a bare line feed in a value": get(b"/any", b"X: y\nTransfer-Encoding: chunked"),
    "a bare carriage return in a value": get(b"/any", b"X: y\rZ: w"),
    "NUL in a value": get(b"/any", b"X: y\x00z"),
    "a control character in a value": get(b"/any", b"X: y\x01z"),
    "DEL in a value": get(b"/any", b"X: y\x7fz"),
    "NUL in a name": get(b"/any", b"X\x00: y"),
    "a line feed in a name": get(b"/any", b"X\nY: z"),
    "a blank in a name": get(b"/any", b"X Y: z"),
    "a letter beyond ASCII in a name": get(b"/any", "Ü: z".encode()),
    "a bracket in a name": get(b"/any", b"X[]: z"),
    "an empty name": get(b"/any", b": z"),
    "lines ended by line feeds alone": b"GET /any HTTP/1.1\nHost: a\n\n",
    "the last line ended by a line feed": b"GET /any HTTP/1.1\r\nHost: a\r\n\n",
    "a request line ended by a line feed": b"GET /any HTTP/1.1\nHost: a\r\n\r\n",
    "no host": b"GET /any HTTP/1.1\r\nX: y\r\n\r\n",
    "two hosts": get(b"/any", b"Host: b"),
    "two hosts alike": get(b"/any", b"Host: a"),
    "an empty host": b"GET /any HTTP/1.1\r\nHost: \r\n\r\n",
    "two hosts on HTTP/1.0": b"GET /any HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
}
LINES = {
    "a path that is none": get(b"any"),
    "an empty target": b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "8-bit characters in the path": get("/\u00fc".encode()),
    "8-bit characters in the query": get("/any?\u00fc".encode()),
    "NUL in the path": get(b"/a\x00b"),
    "a blank in the path": get(b"/a b"),
    "a tab behind the method": b"GET\t/any HTTP/1.1\r\nHost: a\r\n\r\n",
    "two blanks behind the method": b"GET  /any HTTP/1.1\r\nHost: a\r\n\r\n",
    "two blanks before the protocol": b"GET /any  HTTP/1.1\r\nHost: a\r\n\r\n",
    "a blank behind the protocol": b"GET /any HTTP/1.1 \r\nHost: a\r\n\r\n",
    "a blank before the method": b" GET /any HTTP/1.1\r\nHost: a\r\n\r\n",
    "a protocol in lower case": get(version=b"http/1.1"),
    "another protocol": get(version=b"RTSP/1.0"),
    "HTTP/0.9": b"GET /any\r\n\r\n",
    "a version without a dot": get(version=b"HTTP/1"),
    "rubbish": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
}
WRONG = {
    "a list of hosts": b"GET /any HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "a host with a path": b"GET /any HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET /any HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "a host with a blank": b"GET /any HTTP/1.1\r\nHost: a b\r\n\r\n",
    "an absolute target with another host": get(b"http://evil/any"),
    "an absolute target with a user": get(b"http://u@a/any"),
    "an absolute target of another scheme": get(b"ftp://a/any"),
    "an absolute target without a host": get(b"http:///any"),
    "a fragment": get(b"/a#b"),
    "a star for GET": get(b"*"),
}
REFUSED = [
    pytest.param(raw, id=f"{kind}: {name}")
    for kind, table in {"length": LENGTHS, "header": HEADERS, "line": LINES}.items()
    for name, raw in table.items()
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("raw", REFUSED)
def test_an_ambiguous_head_is_refused_and_goes_nowhere(raw, client):
    answer = client.ask(raw)
    assert answer.status == 400
    assert answer.one(b"connection") == b"close"
    assert client.is_over()


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in WRONG.items()])
def test_a_whole_request_for_nothing_that_can_be_is_refused_and_goes_nowhere(raw, client):
    assert client.ask(raw).status == 400
    assert client.ask(b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n").status == 203


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("raw", [raw for raw in REFUSED if b"\r\n\r\n" in raw.values[0]])
def test_an_ambiguous_head_that_comes_byte_by_byte_is_refused_too(raw, client):
    end = raw.index(b"\r\n\r\n") + 4
    assert client.drip(raw[:end]).message().status == 400


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("raw", REFUSED)
def test_what_follows_an_ambiguous_head_is_never_read_as_a_request(raw, client):
    client.send(raw + GET)
    assert client.message().status == 400
    assert client.is_over()


BODIES = [pytest.param(body, id=name) for name, body in CHUNKS.items()]


@pytest.mark.parametrize("body", BODIES)
def test_an_ambiguous_chunk_is_refused_with_its_request(body, client, upstream):
    answer = client.ask(CHUNKED + body + HIDDEN)
    assert answer.status == 400
    assert client.is_over()
    assert upstream.received() == b""


@pytest.mark.parametrize("body", BODIES)
def test_an_ambiguous_chunk_of_a_request_under_way_ends_it_unfinished(body, client, upstream):
    client.send(CHUNKED)
    call = upstream.accept()
    call.through(b"\r\n\r\n")
    assert client.ask(body + HIDDEN).status == 400
    assert client.is_over()
    sent = call.rest()
    assert b"hidden" not in sent
    assert not sent.endswith(b"0\r\n\r\n")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("status", "raw"),
    [
        pytest.param(417, get(b"/any", b"Expect: something"), id="an unknown expectation"),
        pytest.param(417, get(b"/any", b"Expect: 100-continue, other"), id="one expectation of two unknown"),
        pytest.param(505, get(version=b"HTTP/2.0"), id="HTTP/2.0"),
        pytest.param(505, get(version=b"HTTP/1.2"), id="HTTP/1.2"),
        pytest.param(505, get(version=b"HTTP/3.0"), id="HTTP/3.0"),
        pytest.param(505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04", id="the preface of HTTP/2"),
        pytest.param(501, get(b"a:80", method=b"CONNECT"), id="CONNECT"),
        pytest.param(501, get(b"/any", method=b"CONNECT"), id="CONNECT with a path"),
        pytest.param(501, get(b"/any", method=b"TRACE"), id="TRACE"),
        pytest.param(501, get(b"/any", method=b"NONSENSE"), id="an unknown method"),
        pytest.param(501, get(b"/any", method=b"get"), id="a method in lower case"),
        pytest.param(505, get(version=b"HTTP/1.10"), id="a version of two digits"),
        pytest.param(414, get(b"/" + b"a" * 40_000), id="a very long target"),
        pytest.param(414, b"GET /" + b"a" * 40_000, id="a very long target without end"),
        pytest.param(431, get(b"/any", b"X: " + b"a" * 40_000), id="a long header"),
        pytest.param(431, b"GET /any HTTP/1.1\r\nX: " + b"a" * 40_000, id="a long header without end"),
        pytest.param(431, get(b"/any", *[b"X: y"] * 100_000), id="100,000 headers"),
    ],
)
def test_a_head_that_is_too_much_or_not_offered_is_refused(status, raw, client):
    answer = client.ask(raw)
    assert answer.status == status
    assert client.is_over()


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("status", "raw"),
    [
        pytest.param(414, get(b"/" + b"a" * 9_000), id="a long target"),
        pytest.param(431, get(b"/any", *[b"X: y"] * 100), id="101 headers"),
        pytest.param(431, get(b"/any", *[b"TE: y"] * 100), id="101 headers that are dropped"),
    ],
)
def test_a_whole_head_that_is_too_much_is_refused_and_the_connection_lives_on(status, raw, client):
    assert client.ask(raw).status == status
    assert client.ask(b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n").status == 203


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\r\n\r\n" + GET, id="empty lines before the request"),
        pytest.param(b"\r\n" + GET, id="one empty line before the request"),
        pytest.param(get(b"/any", b"X:y", b"Z:\tw \t"), id="blanks around values"),
        pytest.param(get(b"http://a/any"), id="an absolute target with the same host"),
        pytest.param(b"GET HTTP://A/any HTTP/1.1\r\nHost: a\r\n\r\n", id="an absolute target in capitals"),
        pytest.param(get(b"/any", b"Content-Length: 0"), id="a length of nothing"),
    ],
)
def test_what_is_only_unusual_reaches_the_service_in_its_one_form(raw, client, upstream):
    client.send(raw)
    call = upstream.accept()
    assert call.through(b"\r\n").startswith(b"GET /any HTTP/1.1\r\n")
    call.through(b"\r\n\r\n")
    call.send(OK)
    assert client.message().status == 200


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"CHUNKED"])
def test_a_coding_has_no_case(coding, client, upstream):
    client.send(post(b"Transfer-Encoding: " + coding, body=b"5\r\nhello\r\n0\r\n\r\n"))
    call, request = upstream.request()
    assert request.body == b"hello"
    assert request.all(b"transfer-encoding") == [b"chunked"]
    call.send(OK)
    assert client.message().status == 200


@pytest.mark.parametrize(
    "name",
    [b"Content_Length", b"Transfer_Encoding", b"content_length", b"TRANSFER_ENCODING"],
)
def test_a_framing_header_written_with_an_underscore_is_dropped(name, client, upstream):
    client.send(get(b"/any", name + b": 5"))
    call, request = upstream.request()
    assert {header.lower() for header, _ in request.headers} & {b"content_length", b"transfer_encoding"} == set()
    call.send(OK)
    assert client.message().status == 200


def test_the_body_of_a_get_stays_a_body(client, upstream):
    client.send(get(b"/any", b"Content-Length: %d" % len(HIDDEN)) + HIDDEN)
    call, request = upstream.request()
    assert request.body == HIDDEN
    call.send(OK)
    assert client.message().status == 200
