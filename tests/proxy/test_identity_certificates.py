"""A client's certificate as its identity, over real TLS."""

import pytest

from tests.proxy.credentials import KEY, OTHER_KEY, ask, hash_of, key

ROUTES = """
  shown: {match: /shown, to: game, identity: certificate}
  shops: {match: /shops, to: game, identity: {by: certificate, consumers: shop}}
  mixed: {match: /mixed, to: game, identity: [certificate, key]}
  open: {match: /open, to: game}
"""


@pytest.fixture
def secure_spec(secure):
    public = (
        '{address: "127.0.0.1:8080", tls: {certificates: '
        f"{{certificate: {secure.first.certificate}, key: {secure.first.key}}}, clients: {{ca: {secure.authority.file}}}}}}}"
    )
    top = f"""
consumers:
  shop: {{certificates: ["DNS:Shop.internal"], keys: {{sha256: {hash_of(KEY)}}}}}
  bank: {{certificates: ["CN:bank"]}}
"""
    secure.apply(public=public, top=top, routes=ROUTES)
    yield secure
    secure.apply()


@pytest.fixture
def visit(secure_spec):
    """Connect with a certificate for these names, or none."""

    def connect(name: str = "", *hosts: str, **options):
        issued = secure_spec.authority.issue(name, *hosts, **options) if name else None
        return secure_spec.greet(listener="optional", context=secure_spec.authority.client(issued))

    return connect


def shown(*lines: bytes, target: bytes) -> bytes:
    return ask(*lines, target=target).replace(b"Host: a", b"Host: a.test")


@pytest.mark.parametrize("target", [b"/shown", b"/shops", b"/mixed"])
def test_a_certificate_makes_its_consumer_known(target, visit, secure):
    client = visit("shop", "other.internal", "SHOP.internal")
    client.send(shown(b"X-Consumer: bank", target=target))
    found = secure.upstream.answer()
    assert (found.one(b"x-consumer"), found.one(b"x-consumer-subject").lower()) == (b"shop", b"dns:shop.internal")
    assert client.message().status == 200
    line = secure.line()
    assert (line["user.name"], line["casino.means"]) == ("shop", "certificate")


def test_a_certificate_of_nobody_is_known_by_its_first_name(visit, secure):
    client = visit("stranger", "stranger.internal", common_name="stranger")
    client.send(shown(target=b"/shown"))
    found = secure.upstream.answer()
    assert (found.all(b"x-consumer"), found.one(b"x-consumer-subject")) == ([], b"DNS:stranger.internal")
    assert client.message().status == 200
    refused = client.ask(shown(target=b"/shops"))
    assert (refused.status, refused.failure) == (403, "forbidden")


def test_a_common_name_counts_where_it_is_named_as_one(visit, secure):
    client = visit("bank", "x.internal", common_name="bank")
    client.send(shown(target=b"/shown"))
    assert secure.upstream.answer().one(b"x-consumer") == b"bank"
    assert client.message().status == 200


@pytest.mark.parametrize(("hosts", "name"), [(["bank"], "x"), (["x.internal"], "DNS:shop.internal")])
def test_a_name_of_one_kind_is_none_of_another(hosts, name, visit, secure):
    client = visit("liar", *hosts, common_name=name)
    client.send(shown(target=b"/shown"))
    assert secure.upstream.answer().all(b"x-consumer") == []
    assert client.message().status == 200


@pytest.mark.parametrize("target", [b"/shown", b"/mixed"])
def test_who_shows_no_certificate_is_refused(target, visit, secure):
    refused = visit().ask(shown(target=target))
    assert refused.status == 401
    assert b'Certificate realm="casino"' in refused.all(b"www-authenticate")


def test_another_means_serves_who_has_no_certificate(visit, secure):
    client = visit()
    client.send(shown(key(), target=b"/mixed"))
    found = secure.upstream.answer()
    assert (found.one(b"x-consumer"), found.all(b"x-api-key")) == (b"shop", [])
    assert client.message().status == 200
    assert client.ask(shown(key(OTHER_KEY), target=b"/mixed")).status == 401


def test_a_header_is_no_certificate(visit, secure):
    lines = [
        b"X-SSL-Client-Cert: shop",
        b"X-Client-Cert: DNS:shop.internal",
        b"Authorization: Certificate DNS:shop.internal",
    ]
    assert visit().ask(shown(*lines, target=b"/shown")).status == 401
