"""Certificates of clients: who is let in, under which names, and for how long."""

import ssl

import pytest

from gateway.core.tls import names_of, subject_of
from tests.waiting import until

HEALTH = b"GET /.casino/health HTTP/1.1\r\nHost: a.test\r\n\r\n"
GET_A = b"GET /any HTTP/1.1\r\nHost: a.test\r\n\r\n"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])


@pytest.fixture
def shop(secure):
    return secure.authority.issue("shop", "shop.internal", common_name="shop", organization_name="Casino")


def refused(secure, listener: str, context: ssl.SSLContext) -> bool:
    """With TLS 1.3 a client learns of its refusal when it reads."""
    before = secure.handshakes("certificate")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        secure.greet(listener=listener, context=context).ask(HEALTH)
    return until(lambda: secure.handshakes("certificate") > before) and secure.handshakes("certificate") == before + 1


@VERSIONS
@pytest.mark.parametrize("listener", ["required", "optional"])
def test_a_client_with_a_certificate_is_let_in_under_its_names(secure, shop, listener, version):
    context = secure.authority.client(shop, version)
    assert secure.greet(listener=listener, context=context).ask(HEALTH).status == 200
    line = secure.line()
    assert line["tls.client.x509.alternative_names"] == ["DNS:shop.internal", "CN:shop"]
    assert line["tls.client.subject"] == "O=Casino, OU=Testing cert #..., CN=shop".replace(
        "Testing cert #...", line["tls.client.subject"].partition("OU=")[2].partition(",")[0]
    )


@VERSIONS
def test_a_client_without_one_is_refused_where_it_is_required(secure, version):
    assert refused(secure, "required", secure.authority.client(version=version))


@VERSIONS
def test_a_client_without_one_is_let_in_where_it_is_optional(secure, version):
    context = secure.authority.client(version=version)
    assert secure.greet(listener="optional", context=context).ask(HEALTH).status == 200
    assert "tls.client.subject" not in secure.line()


@VERSIONS
@pytest.mark.parametrize("listener", ["required", "optional"])
@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["expired", "of the future"])
def test_one_out_of_its_time_is_refused(secure, listener, days, version):
    stale = secure.authority.issue("stale", "shop.internal", days=days)
    assert refused(secure, listener, secure.authority.client(stale, version))


@VERSIONS
@pytest.mark.parametrize("listener", ["required", "optional"])
def test_one_of_another_authority_is_refused(secure, listener, version):
    foreign = secure.others.issue("foreign", "shop.internal")
    assert refused(secure, listener, secure.authority.client(foreign, version))


@VERSIONS
def test_who_has_a_certificate_shows_it_on_every_connection(secure, shop, version):
    """A session that is resumed would outlive the certificate and the authority it was begun with."""
    context = secure.authority.client(shop, version)
    client = secure.greet(listener="required", context=context)
    client.ask(HEALTH)
    session = client.socket.session
    assert not session.has_ticket
    again = secure.greet(listener="required", context=context, session=session)
    again.ask(HEALTH)
    assert version is V12 or not again.socket.session_reused


def test_a_host_other_than_the_one_named_in_the_handshake_is_misdirected(secure, shop):
    client = secure.greet("b.test", listener="required", context=secure.authority.client(shop))
    answer = client.ask(GET_A)
    assert (answer.status, answer.failure) == (421, "misdirected")


@pytest.mark.parametrize("host", [b"A.TEST", b"a.test.", b"a.test:1"])
def test_the_same_host_in_another_spelling_is_not(secure, shop, host):
    client = secure.greet(listener="required", context=secure.authority.client(shop))
    client.send(b"GET /any HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
    secure.upstream.answer()
    assert client.message().status == 200


def test_names_of_every_kind_are_told():
    certificate = {
        "subject": ((("commonName", "shop"),), (("organizationName", "Casino"),)),
        "subjectAltName": (("URI", "spiffe://casino/shop"), ("DNS", "shop"), ("IP Address", "::1"), ("email", "a@b")),
    }
    assert names_of(certificate) == ("URI:spiffe://casino/shop", "DNS:shop", "IP:::1", "EMAIL:a@b", "CN:shop")
    assert subject_of(certificate) == "CN=shop, O=Casino"


def test_a_name_that_could_break_a_line_is_left_out():
    assert names_of({"subject": ((("commonName", "a\r\nx-admin: 1"),),)}) == ()
