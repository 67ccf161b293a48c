"""What passes through TLS: big bodies both ways, peers that read slowly or not at all, ends of every kind, PROXY headers."""

import contextlib
import hashlib
import socket
import ssl
import threading

import pytest

from exporters.catalog.gateway import REFUSED
from tests.proxy.data_plane import TRUSTED
from tests.proxy.secure import shake_hands
from tests.proxy.wire import OK, PATIENCE_SECONDS
from tests.waiting import until

GET_A = b"GET /any HTTP/1.1\r\nHost: a.test\r\n\r\n"
HEALTH = b"GET /.casino/health HTTP/1.1\r\nHost: a.test\r\n\r\n"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
BODY = hashlib.shake_128(b"casino").digest(1_000_000)
MEGABYTES_30 = 30_000_000


@VERSIONS
def test_a_big_body_goes_up_whole(secure, version):
    client = secure.greet(context=secure.authority.client(version=version))
    head = b"PUT /any HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    sending = threading.Thread(target=client.send, args=(head, BODY))
    sending.start()
    peer, request = secure.upstream.request()
    sending.join()
    assert request.body == BODY
    peer.send(OK)
    assert client.message().status == 200


def test_a_body_in_a_record_for_each_byte_goes_up_whole(secure):
    """Thousands of records come with one read; they are taken a few hundred at a time."""
    context, body = secure.authority.client(), BODY[:20_000]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    client = secure.dial()
    shake_hands(session, client, incoming, outgoing)
    session.write(b"PUT /any HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % len(body))
    for byte in body:
        session.write(bytes((byte,)))
    client.send(outgoing.read())
    assert secure.upstream.answer().body == body


@VERSIONS
def test_a_big_body_comes_down_whole(secure, version):
    client = secure.greet(context=secure.authority.client(version=version)).send(GET_A)
    peer, _ = secure.upstream.request()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    sending = threading.Thread(target=peer.send, args=(answer,))
    sending.start()
    assert client.message().body == BODY
    sending.join()


def test_a_client_that_does_not_read_stops_the_service(secure):
    """What it could have is held by the service, not by us."""
    before = secure.memory_bytes()
    client = secure.greet().send(GET_A)
    peer, _ = secure.upstream.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MEGABYTES_30)
    assert stalls_after(peer.socket, client.socket) < 16_000_000
    assert secure.memory_bytes() - before < 8_000_000


@pytest.fixture
def roomy(secure):
    """Bodies may be large."""
    secure.apply(rest="  all: {match: /**, to: game, body: 50MB}")
    yield secure
    secure.apply()


def test_a_service_that_does_not_read_stops_the_client(roomy):
    before = roomy.memory_bytes()
    client = roomy.greet().send(b"PUT /any HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % MEGABYTES_30)
    peer = roomy.upstream.accept()
    peer.through(b"\r\n\r\n")
    assert stalls_after(client.socket, peer.socket) < 16_000_000
    assert roomy.memory_bytes() - before < 8_000_000


def stalls_after(sender: socket.socket, reader: socket.socket) -> int:
    """Send until nobody takes any more for a moment; give the number of bytes, of which the test's own ends hold few."""
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    sender.settimeout(0.5)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < MEGABYTES_30:
            sent += sender.send(b"a" * 65_536)
    return sent


# ---- ends


@VERSIONS
def test_the_end_of_an_answer_is_said_in_tls(secure, version):
    """Without TLS' own goodbye a client could not tell a whole answer from one that was cut."""
    client = secure.greet(context=secure.authority.client(version=version))
    client.send(b"GET /.casino/health HTTP/1.0\r\nHost: a.test\r\n\r\n")
    assert b'{"status":"up"}' in client.rest()  # SSLEOFError otherwise


@VERSIONS
def test_a_client_that_says_goodbye_has_gone(secure, version):
    client = secure.greet(context=secure.authority.client(version=version)).send(GET_A)
    peer, _ = secure.upstream.request()
    with contextlib.suppress(ssl.SSLError, OSError):
        client.socket.unwrap()
    assert peer.rest() == b""
    until(lambda: not secure.connections)
    assert secure.line()["casino.failure"] == "client_closed"


def test_a_client_that_half_closes_has_gone(secure):
    client = secure.greet().send(GET_A)
    peer, _ = secure.upstream.request()
    client.socket.shutdown(socket.SHUT_WR)
    assert peer.rest() == b""
    assert secure.line()["casino.failure"] == "client_closed"


def test_a_client_that_resets_leaves_nothing(secure):
    client = secure.greet().send(GET_A)
    peer, _ = secure.upstream.request()
    client.reset()
    assert peer.rest() == b""
    until(lambda: not secure.connections)


def test_a_refused_body_does_not_cost_the_client_its_answer(secure):
    """The answer arrives, and the end of it, though the client has more to send."""
    client = secure.greet()
    client.send(b"POST /small HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5000000\r\n\r\n" + b"a" * 100_000)
    assert client.message().status == 413
    assert client.rest() == b""
    client.close()
    until(lambda: not secure.connections)


def test_an_answer_that_breaks_off_does_not_end_in_peace(secure):
    client = secure.greet().send(GET_A)
    peer, _ = secure.upstream.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    client.through(b"abc")
    peer.close()
    raw = socket.socket(fileno=client.socket.detach())
    raw.settimeout(PATIENCE_SECONDS)
    with raw, pytest.raises(ConnectionResetError):
        raw.recv(100)


def test_rubbish_in_place_of_a_record_ends_the_connection(secure):
    client = secure.greet()
    assert client.ask(HEALTH).status == 200
    raw = socket.socket(fileno=client.socket.detach())
    raw.settimeout(PATIENCE_SECONDS)
    with raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while raw.recv(1000):
                pass
    until(lambda: not secure.connections)


# ---- PROXY headers come before TLS


def test_a_proxy_header_before_the_handshake_names_the_client(secure):
    client = secure.greet(listener="proxied", preface=b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n", source=TRUSTED)
    client.send(GET_A)
    assert secure.upstream.answer().one(b"x-forwarded-for") == b"192.0.2.7"
    assert client.message().status == 200


def test_a_binary_one_may_come_in_pieces(secure):
    preface = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 1, 1, 2, 3, 4])
    client = secure.dial("proxied", TRUSTED).drip(preface)
    client.socket = secure.authority.client().wrap_socket(client.socket, server_hostname="a.test")
    client.send(GET_A)
    assert secure.upstream.answer().one(b"x-forwarded-for") == b"192.0.2.7"


def test_one_in_the_segment_of_the_hello_is_read(secure):
    hello = secure.hello()
    client = secure.dial("proxied", TRUSTED).send(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n" + hello)
    assert client.take(1) == b"\x16"


@pytest.mark.parametrize(
    ("preface", "source"),
    [
        pytest.param(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n", "127.0.0.1", id="of a stranger"),
        pytest.param(b"PROXY TCP4 nonsense\r\n", TRUSTED, id="nonsense"),
        pytest.param(b"", TRUSTED, id="none"),
    ],
)
def test_others_are_refused_before_any_handshake(secure, preface, source):
    before = secure.total(REFUSED, reason="proxy_protocol")
    assert secure.dial("proxied", source).send(preface + secure.hello()).rest() == b""
    assert secure.total(REFUSED, reason="proxy_protocol") == before + 1


def test_one_behind_the_handshake_is_no_proxy_header(secure):
    client = secure.greet()
    assert client.ask(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n" + GET_A).status == 400
