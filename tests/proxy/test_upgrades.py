"""Upgrades: only those a route lists, only after the service said 101; everywhere else HTTP goes on."""

import pytest

from exporters.catalog.gateway import REQUESTS
from tests.proxy.wire import GET, OK, PATIENCE_SECONDS

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Key: k\r\n\r\n"


def ask(
    token: bytes = b"websocket", path: bytes = b"/socket/a", connection: bytes = b"Upgrade", more: bytes = b""
) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: %b\r\nUpgrade: %b\r\n%b\r\n" % (path, connection, token, more)


@pytest.fixture
def pipe(client, upstream):
    """Both ends of an open tunnel."""
    client.send(ask())
    call, _ = upstream.request()
    call.send(SWITCH)
    client.message()
    return client, call


@pytest.mark.parametrize(
    ("token", "connection"),
    [(b"websocket", b"Upgrade"), (b"WebSocket", b"keep-alive, upgrade"), (b"echo", b"UPGRADE")],
)
def test_a_listed_protocol_is_switched_to_when_the_service_says_so(token, connection, client, upstream):
    client.send(ask(token, connection=connection))
    call, seen = upstream.request()
    assert (seen.all(b"connection"), seen.all(b"upgrade")) == ([b"upgrade"], [token.lower()])
    call.send(SWITCH.replace(b"websocket", token))
    answer = client.message()
    assert (answer.status, answer.one(b"upgrade"), answer.one(b"connection")) == (101, token.lower(), b"upgrade")
    assert answer.one(b"x-key") == b"k"
    client.send(b"\x81\x00\r\n\r\n")
    assert call.take(6) == b"\x81\x00\r\n\r\n"
    call.send(b"down")
    assert client.take(4) == b"down"


def test_what_either_side_sends_early_is_not_lost(client, upstream):
    client.send(ask() + b"early up")
    call, _ = upstream.request()
    assert call.so_far() == b""
    call.send(SWITCH + b"early down")
    client.message()
    assert client.take(10) == b"early down"
    assert call.take(8) == b"early up"


def test_much_sent_early_waits_and_is_not_lost(client, upstream, configure):
    configure(bounds="{pipelined: 1kB}")
    client.send(ask(), b"x" * 400_000)
    call, _ = upstream.request()
    call.send(SWITCH)
    client.message()
    assert call.take(400_000) == b"x" * 400_000


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_tunnel_ends_when_the_service_hangs_up(end, pipe):
    client, call = pipe
    call.send(b"last words")
    client.take(10)
    getattr(call, end)()
    assert client.is_over()


@pytest.mark.parametrize("end", ["close", "reset", "end"])
def test_a_tunnel_ends_when_the_client_hangs_up(end, pipe):
    client, call = pipe
    client.send(b"last words")
    call.take(10)
    getattr(client, end)()
    assert call.is_over()


def test_what_was_sent_before_hanging_up_arrives(pipe):
    client, call = pipe
    call.send(b"x" * 200_000).close()
    assert len(client.rest()) == 200_000


def test_a_tunnel_passes_much_both_ways_with_slow_readers(gateway, pipe):
    client, call = pipe
    before = gateway.memory_bytes()
    for one, other in ((client, call), (call, client)):
        one.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            one.send(b"x" * 50_000_000)
        other.take(1_000_000)
        one.socket.settimeout(PATIENCE_SECONDS)
    assert gateway.memory_bytes() - before < 8_000_000


def test_a_tunnel_is_logged_once_and_counts_for_no_objective(gateway, pipe):
    client, call = pipe
    counted = gateway.total(REQUESTS)
    client.send(b"12345")
    call.take(5)
    call.send(b"123")
    client.take(3)
    assert gateway.lines() == []
    call.close()
    assert client.is_over()
    line = gateway.line()
    assert (line["http.response.status_code"], line["network.protocol"]) == (101, "websocket")
    assert (line["http.request.body.bytes"], line["http.response.body.bytes"]) == (5, 3)
    assert gateway.total(REQUESTS) == counted


def test_a_tunnel_in_which_nothing_moves_is_closed(configure, connect, upstream):
    configure(timeouts="{connect: 10s, first_byte: 30s, idle: 200ms, total: 60s}")
    client = connect()
    client.send(ask())
    call, _ = upstream.request()
    call.send(SWITCH)
    client.message()
    assert client.is_over()
    assert call.is_over()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(ask(b"h2c", more=b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n"), id="h2c"),
        pytest.param(ask(b"other"), id="a token that is not listed"),
        pytest.param(ask(path=b"/any"), id="a route that lists none"),
        pytest.param(ask(b"websocket, other"), id="a list of tokens"),
        pytest.param(ask(connection=b"keep-alive"), id="not named by Connection"),
        pytest.param(ask(more=b"Upgrade: websocket\r\n"), id="the token twice"),
        pytest.param(ask(more=b"Content-Length: 5\r\n") + b"hello", id="a body"),
        pytest.param(ask(more=b"Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n0\r\n\r\n", id="a chunked body"),
        pytest.param(ask().replace(b"GET", b"POST"), id="another method"),
        pytest.param(ask(b"websocket/13"), id="a version"),
        pytest.param(ask(connection=b"Upgrade, keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"), id="HTTP/1.0"),
    ],
)
def test_any_other_upgrade_is_dropped_and_what_follows_is_http(raw, client, upstream):
    client.send(raw + GET)
    call, seen = upstream.request()
    assert seen.all(b"upgrade") == seen.all(b"connection") == seen.all(b"http2-settings") == []
    call.send(OK)
    assert client.message().status == 200
    assert call.message().start == b"GET /any HTTP/1.1"
    call.send(OK)
    assert client.message().status == 200


def test_a_service_that_declines_leaves_the_connection_to_http(client, upstream):
    client.send(ask() + GET)
    call, _ = upstream.request()
    call.send(
        b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n"
    )
    declined = client.message()
    assert (declined.status, declined.all(b"upgrade")) == (426, [])
    assert call.message().start == b"GET /any HTTP/1.1"
    call.send(OK)
    assert client.message().status == 200


@pytest.mark.parametrize(
    "switch",
    [
        pytest.param(SWITCH.replace(b"websocket", b"h2c"), id="another protocol"),
        pytest.param(SWITCH.replace(b"Upgrade: websocket\r\n", b""), id="no protocol"),
        pytest.param(SWITCH.replace(b"websocket", b"websocket, echo"), id="two protocols"),
        pytest.param(SWITCH.replace(b"X-Key: k", b"Upgrade: websocket"), id="the protocol twice"),
        pytest.param(SWITCH.replace(b"Connection: Upgrade\r\n", b""), id="no Connection"),
    ],
)
def test_a_switch_to_anything_but_what_was_asked_for_is_a_502(switch, client, upstream):
    client.send(ask())
    call, _ = upstream.request()
    call.send(switch)
    assert client.message().status == 502
    assert call.is_over()
