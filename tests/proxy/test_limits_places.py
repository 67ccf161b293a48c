"""What a request holds while it is under way is given back once, however it ends."""

import pytest

from tests.proxy.limited import OTHER, get
from tests.proxy.wire import GET, OK
from tests.waiting import until

LAST = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def hold(connect, upstream, count):
    """Have requests under way: (client, service's end) each."""
    held = []
    for _ in range(count):
        client = connect().send(GET)
        held.append((client, upstream.request()[0]))
    return held


def answered(client, peer):
    peer.send(OK)
    assert client.message().status == 200


def cut_off(client, peer):
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha")
    peer.close()
    assert client.rest()


ENDS = {
    "it is answered": lambda client, peer: (peer.send(LAST), client.message()),
    "the client leaves": lambda client, _: client.close(),
    "the client's connection is reset": lambda client, _: client.reset(),
    "the service leaves": lambda _, peer: peer.close(),
    "the service resets": lambda _, peer: peer.reset(),
    "the answer is cut off": cut_off,
    "the answer is none": lambda _, peer: peer.send(b"garbage\r\n\r\n"),
    "the client leaves in the middle of the answer": lambda client, peer: (
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha"), client.through(b"ha"), client.close(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_place_is_given_back_however_a_request_ends(end, limited, connect, upstream):
    limited("concurrent: 2", everywhere=True)
    held = hold(connect, upstream, 2)
    refused = connect().ask(GET)
    assert (refused.status, refused.failure, refused.one(b"retry-after")) == (429, "concurrency_limited", b"1")
    end(*held[0])
    until(lambda: connect().ask(get()).status == 200)
    client = connect().send(GET)
    upstream.request()
    assert connect().ask(GET).status == 429
    client.close()


def test_a_body_that_grows_too_large_gives_its_place_back_once(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    for _ in range(3):
        client = connect()
        client.send(get(b"/any", b"Transfer-Encoding: chunked", method=b"POST"), b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        upstream.accept()
        assert connect().ask(get()).status == 429
        client.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        assert client.message().status == 413
        assert connect().ask(get()).status == 200


def test_a_tunnel_holds_its_place_until_it_ends(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    client = connect().send(get(b"/echo", b"Connection: upgrade", b"Upgrade: echo"))
    peer, _ = upstream.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    client.message(bodiless=True)
    assert connect().ask(get()).status == 429
    client.close()
    until(lambda: connect().ask(get()).status == 200)


def test_a_pipelined_request_waits_for_its_turn_and_holds_no_place(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    client = connect().send(GET, GET)
    peer, _ = upstream.request()
    answered(client, peer)
    peer.message()
    answered(client, peer)
    assert connect().ask(get()).status == 200


def test_a_place_taken_before_a_reload_is_given_back_after_it(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    [(client, peer)] = hold(connect, upstream, 1)
    limited("concurrent: 1", everywhere=True, timeouts=OTHER)
    assert connect().ask(get()).status == 429
    answered(client, peer)
    until(lambda: connect().ask(get()).status == 200)
    assert [connect().ask(get()).status for _ in range(3)] == [200] * 3
