"""What a client trusts the gateway with stays between client and service: not in logs, errors or answers."""

import json

import pytest

from gateway.store.slot import Slot
from tests.waiting import until

SECRET = "hunter2-secret"
REQUEST = (
    f"GET /any?api_key={SECRET}&token={SECRET}&password={SECRET}&page=7 HTTP/1.1\r\nHost: a\r\n"
    f"Authorization: Bearer {SECRET}\r\nCookie: session={SECRET}\r\nX-Api-Key: {SECRET}\r\n"
    f"Referer: http://a/b?access_token={SECRET}\r\nUser-Agent: curl\r\n"
).encode()


def raw_log(gateway) -> bytes:
    ring = Slot.open(gateway.worker.path, writable=True).ring
    taken = until(lambda: ring.peek(1 << 20))
    ring.advance(len(taken))
    return taken


def test_a_log_line_holds_no_secret(client, gateway, upstream):
    client.send(REQUEST + b"\r\n")
    assert SECRET.encode() in dict(upstream.answer().headers)[b"authorization"]
    assert client.message().status == 200
    line = raw_log(gateway)
    assert SECRET.encode() not in line
    assert "page=7" in json.loads(line)["url.query"]


@pytest.mark.parametrize(
    ("more", "answer", "status"),
    [
        pytest.param(b"bad line\r\n\r\n", None, 400, id="a bad request"),
        pytest.param(b"Expect: %b\r\n\r\n" % SECRET.encode(), None, 417, id="an unknown expectation"),
        pytest.param(b"\r\n", b"HTTP/1.1 200 %b\r\n\x00: x\r\n\r\n" % SECRET.encode(), 502, id="a broken answer"),
        pytest.param(b"\r\n", b"", 502, id="no answer"),
    ],
)
def test_a_failure_tells_no_secret_and_no_address(more, answer, status, client, gateway):
    client.send(REQUEST + more)
    if answer is not None:
        call, _ = gateway.upstream.request()
        call.send(answer)
        call.close()
    refused = client.message()
    assert refused.status == status
    told = refused.body + b"".join(name + value for name, value in refused.headers)
    assert SECRET.encode() not in told
    assert str(gateway.upstream.port).encode() not in told
    assert b"127.0.0.1" not in told
    assert SECRET.encode() not in raw_log(gateway)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(b'User-Agent: a"},{"x":"y', id="JSON"),
        pytest.param("User-Agent: \u2028\u0085".encode(), id="line separators"),
        pytest.param(b"User-Agent: \xff\xfe", id="no UTF-8"),
        pytest.param(b"User-Agent: " + b"x" * 20_000, id="20 kB"),
        pytest.param(b"Referer: http://a/%1b[31m", id="a terminal code"),
    ],
)
def test_a_log_line_is_one_line_of_json_of_bounded_size(hostile, client, gateway, upstream):
    client.send(b"GET /any HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % hostile)
    upstream.answer()
    assert client.message().status == 200
    line = raw_log(gateway)
    assert line.count(b"\n") == 1
    assert len(line) <= 8192
    assert json.loads(line)["http.response.status_code"] == 200


def test_a_traceback_of_a_refused_request_is_never_written(client, gateway, untouched):
    client.send(REQUEST + b"X: \x00\r\n\r\n")
    assert client.message().status == 400
    assert SECRET not in gateway.complaints()
