"""TLS on real sockets: what is agreed on, which certificate is shown, and that everything above works as without."""

import shutil
import ssl
import subprocess

import pytest

from tests.proxy.secure import HSTS_DAYS, shake_hands
from tests.proxy.wire import OK
from tests.waiting import until

GET_A = b"GET /any HTTP/1.1\r\nHost: a.test\r\n\r\n"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
HSTS = b"max-age=%d" % (HSTS_DAYS * 86_400)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl as a client of its own")


def get(host: str, path: str = "/any") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def shown(client) -> set[str]:
    """The names of the certificate the gateway showed."""
    return {name for _, name in client.socket.getpeercert()["subjectAltName"]}


@VERSIONS
def test_requests_pass_one_after_another(secure, version):
    client = secure.greet(context=secure.authority.client(version=version))
    peer = None
    for _ in range(3):
        client.send(GET_A)
        if peer is None:
            peer, _ = secure.upstream.request()
        else:
            peer.message()
        peer.send(OK)
        assert client.message().status == 200


def test_a_request_in_many_records_passes(secure):
    client = secure.greet()
    client.drip(GET_A)
    secure.upstream.answer()
    assert client.message().body == b"ok"


def test_a_request_behind_the_handshake_in_the_same_segment_is_read(secure):
    """With TLS 1.3 a client sends its last word and its first request together."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = secure.authority.client().wrap_bio(incoming, outgoing, server_hostname="a.test")
    client = secure.dial()
    shake_hands(session, client, incoming, outgoing, last_word=False)
    session.write(GET_A)
    client.send(outgoing.read())
    assert secure.upstream.answer().one(b"x-forwarded-proto") == b"https"


def test_the_service_learns_that_it_was_https(secure):
    client = secure.greet().send(GET_A)
    request = secure.upstream.answer()
    port = b"%d" % secure.peers[0].socket.getpeername()[1]
    assert request.one(b"x-forwarded-proto") == b"https"
    assert request.one(b"x-forwarded-port") == port
    assert request.one(b"forwarded").endswith(b";proto=https")
    assert client.message().status == 200


@VERSIONS
def test_the_access_log_tells_what_was_agreed_on(secure, version):
    secure.greet(context=secure.authority.client(version=version)).ask(get("a.test", "/.casino/health"))
    line = secure.line()
    assert line["tls.version"] == version.name[4:].replace("_", ".")
    assert "GCM" in line["tls.cipher"] or "CHACHA20" in line["tls.cipher"]
    assert (line["tls.client.server_name"], line["tls.resumed"]) == ("a.test", False)
    assert "tls.client.subject" not in line


def test_a_plain_listener_logs_nothing_of_tls(secure):
    secure.dial("").ask(get("a", "/.casino/health"))
    assert not [name for name in secure.line() if name.startswith("tls")]


@pytest.mark.parametrize("offered", [["http/1.1"], ["h2", "http/1.1"]], ids=["http/1.1", "both"])
def test_http_1_1_is_agreed_on(secure, offered):
    context = secure.authority.client()
    context.set_alpn_protocols(offered)
    assert secure.greet(context=context).socket.selected_alpn_protocol() == "http/1.1"


def test_http_2_is_not_agreed_on_and_its_preface_refused(secure):
    context = secure.authority.client()
    context.set_alpn_protocols(["h2"])
    client = secure.greet(context=context)
    assert client.socket.selected_alpn_protocol() is None
    assert client.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505


# ---- versions and renegotiation, with a client that still can what Python refuses to do


def s_client(secure, *options: str, listener: str = "tls", said: bytes = b"") -> str:
    port = secure.listening(listener)
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "a.test", *options],
        input=said, capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    return (done.stdout + done.stderr).decode()


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(secure, version):
    before = secure.handshakes("refused")
    assert "alert protocol version" in s_client(secure, version, "-cipher", "ALL:@SECLEVEL=0")
    until(lambda: secure.handshakes("refused") == before + 1)


@needs_openssl
def test_a_listener_may_speak_the_newest_version_only(secure):
    assert "alert protocol version" in s_client(secure, "-tls1_2", listener="modern")
    assert secure.greet(listener="modern").socket.version() == "TLSv1.3"


@needs_openssl
@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "NULL"])
def test_weak_ciphers_are_refused(secure, cipher):
    assert "handshake failure" in s_client(secure, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")


@needs_openssl
def test_renegotiation_is_refused(secure):
    assert "no renegotiation" in s_client(secure, "-tls1_2", said=b"R\n")


@needs_openssl
def test_nothing_is_compressed(secure):
    assert "Compression: NONE" in s_client(secure, "-tls1_2", "-comp")


# ---- which certificate


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("a.test", "a.test", id="exact"),
        pytest.param("A.Test", "a.test", id="in capitals"),
        pytest.param("deep.wild.test", "a.test", id="wildcard"),
        pytest.param("b.test", "b.test", id="another"),
    ],
)
def test_the_certificate_is_chosen_by_the_name_asked_for(secure, name, found):
    assert found in shown(secure.greet(name))


@pytest.mark.parametrize("name", [None, "unknown.test", "wild.test", "too.deep.wild.test"])
def test_the_first_certificate_is_for_all_other_names(secure, name):
    context = secure.authority.client()
    client = secure.dial()
    context.check_hostname = False
    client.socket = context.wrap_socket(client.socket, server_hostname=name)
    assert "a.test" in shown(client)


def test_a_name_that_is_no_text_is_refused(secure):
    hello = secure.hello("xxxxxx").replace(b"xxxxxx", b"\xff\x01\xc3\xfe..")
    assert secure.dial().send(hello).rest()[:1] == b"\x15"


# ---- the host asked for, against the certificate shown


@pytest.mark.parametrize(
    ("name", "host"),
    [
        pytest.param("a.test", "b.test", id="another certificate's"),
        pytest.param("a.test", "B.TEST", id="in capitals"),
        pytest.param("a.test", "b.test.", id="with a trailing dot"),
        pytest.param("a.test", "b.test:8443", id="with a port"),
        pytest.param("b.test", "x.wild.test", id="another's wildcard"),
        pytest.param("a.test", "127.0.0.1", id="another's address"),
    ],
)
def test_a_host_of_another_certificate_is_misdirected(secure, name, host):
    answer = secure.greet(name).ask(get(host))
    assert (answer.status, answer.failure) == (421, "misdirected")
    assert answer.one(b"strict-transport-security") == HSTS


@pytest.mark.parametrize(
    ("name", "host"),
    [
        pytest.param("a.test", "A.test.", id="its own in another spelling"),
        pytest.param("a.test", "x.wild.test", id="the same certificate's wildcard"),
        pytest.param("a.test", "nobody.test", id="no certificate's"),
        pytest.param("b.test", "127.0.0.1", id="the same certificate's address"),
    ],
)
def test_a_host_that_no_other_certificate_is_for_passes(secure, name, host):
    client = secure.greet(name).send(get(host))
    secure.upstream.answer()
    assert client.message().status == 200


def test_each_request_of_a_connection_is_looked_at(secure):
    client = secure.greet().send(GET_A)
    secure.upstream.answer()
    assert [client.message().status, client.ask(get("b.test")).status] == [200, 421]


def test_health_is_told_whatever_the_host(secure):
    assert secure.greet().ask(get("b.test", "/.casino/health")).status == 200


# ---- HSTS and the redirect


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(get("a.test", "/static"), 203, id="fixed answer"),
        pytest.param(get("a.test", "/.casino/health"), 200, id="health"),
        pytest.param(get("a.test", "/%00"), 400, id="bad path"),
        pytest.param(b"GET /\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"POST /small HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200\r\n\r\n", 413, id="failure"),
    ],
)
def test_every_answer_tells_browsers_to_come_by_https(secure, request_, status):
    answer = secure.greet().ask(request_)
    assert (answer.status, answer.one(b"strict-transport-security")) == (status, HSTS)


def test_answers_of_services_tell_it_too(secure):
    client = secure.greet().send(GET_A)
    secure.upstream.answer()
    assert client.message().one(b"strict-transport-security") == HSTS


def test_it_is_said_once_and_the_service_knows_better(secure):
    client = secure.greet().send(GET_A)
    secure.upstream.answer(b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 0\r\n\r\n")
    assert client.message().one(b"strict-transport-security") == b"max-age=1"


@pytest.mark.parametrize("listener", ["", "modern", "redirect"])
def test_it_is_not_said_elsewhere(secure, listener):
    client = secure.greet(listener="modern") if listener == "modern" else secure.dial(listener)
    answer = client.ask(get("a.test", "/.casino/health"))
    assert (answer.status, answer.one(b"strict-transport-security")) == (200, None)


@pytest.mark.parametrize(
    ("request_", "location"),
    [
        (get("a.test", "/x/y?q=1&r=%20"), b"https://a.test:8443/x/y?q=1&r=%20"),
        (get("A.test.:80", "/"), b"https://a.test:8443/"),
        (get("[::1]:80", "/"), b"https://[::1]:8443/"),
        (get("a.test", "http://a.test/x"), b"https://a.test:8443/x"),
        (get("a.test", "/a/../b//c"), b"https://a.test:8443/b/c"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", b"https://a.test:8443/"),
        (b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nok", b"https://a.test:8443/x"),
    ],
    ids=["path and query", "host with port and dot", "IPv6", "absolute", "other spelling", "no path", "with a body"],
)
def test_a_redirecting_listener_sends_everything_to_https(secure, request_, location):
    answer = secure.dial("redirect").ask(request_)
    assert (answer.status, answer.one(b"location")) == (308, location)


def test_the_usual_port_is_not_named(secure):
    assert secure.dial("usual").ask(GET_A).one(b"location") == b"https://a.test/any"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", id="no host at all"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: evil\r\n\r\n", id="two"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a.test@evil\r\n\r\n", id="with a user"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="none"),
    ],
)
def test_a_bad_host_is_sent_nowhere(secure, request_):
    answer = secure.dial("redirect").ask(request_)
    assert (answer.status, answer.one(b"location")) == (400, None)
