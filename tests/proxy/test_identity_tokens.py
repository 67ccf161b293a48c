"""What becomes of a token that is good: who it makes the caller, what that caller may do, and what the service is told."""

from urllib.parse import unquote_to_bytes

import pytest

from tests.proxy.credentials import KEY, ask, hash_of, results
from tests.proxy.credentials import key as api_key
from tests.proxy.signing import AUDIENCE, ISSUER, SECRET, SOURCE, Publisher, bearer, key, shared
from tests.proxy.wire import OK

ROUTES = """
  any: {match: /token, to: game, identity: jwt}
  told:
    match: /told
    to: game
    identity: {by: jwt, headers: {X-Mail: email, X-Roles: roles, X-Age: age, X-Admin: admin, X-Deep: deep}}
  scoped: {match: /scoped, to: game, identity: {by: jwt, scopes: ["dice:roll", "dice:see"]}}
  claimed: {match: /claimed, to: game, identity: {by: jwt, claims: {tenant: [casino, "7"], roles: [croupier]}}}
  staff: {match: /staff, to: game, identity: {by: jwt, groups: staff}}
  site-only: {match: /site, to: game, identity: {by: jwt, issuers: site}}
  mixed: {match: /mixed, to: game, identity: [jwt, key]}
  either: {match: /either, to: game, identity: {by: jwt, optional: true}}
"""
SIGNER = key("ES256")


@pytest.fixture
def client(configure, connect, gateway, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    top = f"""
identity: {{verifications: 1000000, verify: 100%}}
issuers:
  site: {{issuer: "{ISSUER}", audiences: {AUDIENCE}, algorithms: ES256, file: {SOURCE}}}
  partner: {{issuer: "https://partner.example", audiences: {AUDIENCE}, algorithms: HS256, secret: {{file: {secret}}}}}
consumers:
  ada: {{tokens: {{issuer: site, value: ada}}, groups: staff}}
  shop: {{keys: {{sha256: {hash_of(KEY)}}}, tokens: [{{issuer: site, claim: client, value: shop}}, {{issuer: partner, value: ada}}]}}
"""
    configure(top=top, routes=ROUTES)
    Publisher(gateway).publish(SIGNER)
    return connect()


@pytest.fixture
def seen(client, upstream):
    """What the service sees of a request with such a token."""

    def send(target: bytes, **claims: object):
        client.send(ask(bearer(SIGNER.sign(**claims)), target=target))
        found = upstream.answer()
        assert client.message().status == 200
        return found

    return send


@pytest.mark.parametrize(
    ("claims", "consumer", "subject"),
    [
        pytest.param({}, b"ada", b"ada", id="by its subject"),
        pytest.param({"sub": "x", "client": "shop"}, b"shop", b"x", id="by another claim"),
        pytest.param({"sub": "x", "client": ["other", "shop"]}, b"shop", b"x", id="by a list"),
        pytest.param({"sub": "nobody"}, None, b"nobody", id="nobody's"),
        pytest.param({"sub": None}, None, None, id="without a subject"),
        pytest.param({"sub": "ADA"}, None, b"ADA", id="another case"),
    ],
)
def test_a_token_makes_its_subject_known(claims, consumer, subject, seen, gateway):
    found = seen(b"/token", **claims)
    assert (found.one(b"x-consumer"), found.one(b"x-consumer-subject")) == (consumer, subject)
    line = gateway.line()
    assert line["casino.means"] == "jwt"
    assert line.get("user.name", "").encode() == (consumer or b"")
    assert line.get("user.id", "").encode() == (subject or b"")


def test_a_subject_is_of_its_issuer_alone(client, upstream):
    client.send(ask(bearer(shared(iss="https://partner.example")), target=b"/token"))
    assert upstream.answer().one(b"x-consumer") == b"shop"
    assert client.message().status == 200


def test_a_token_passes_on_to_services_that_look_into_it(seen):
    assert seen(b"/token").one(b"authorization").startswith(b"Bearer ey")


def test_claims_become_headers_as_text(seen):
    found = seen(b"/told", email="a@b.example", roles=["croupier", "host"], age=42, admin=True, deep={"x": 1})
    assert found.one(b"x-mail") == b"a@b.example"
    assert found.one(b"x-roles") == b"croupier,host"
    assert (found.one(b"x-age"), found.one(b"x-admin")) == (b"42", b"true")
    assert found.all(b"x-deep") == []


@pytest.mark.parametrize(
    "hostile",
    [
        "a\r\nX-Consumer: admin", "a\nb", "a\rb", "a\0b", "\x7f\x1b[31m", "ä♠", " a ", "a,b", "100%", "\u2028", "",
    ],
    ids=ascii,
)  # fmt: skip
def test_no_claim_can_write_a_line_or_a_list_of_its_own(hostile, seen):
    found = seen(b"/told", sub=hostile or "x", email=hostile, roles=[hostile, "b"])
    assert found.all(b"x-consumer") == []
    told = found.one(b"x-mail")
    assert unquote_to_bytes(told) == hostile.encode()
    assert all(0x20 < byte < 0x7F for byte in told)
    assert found.one(b"x-roles").count(b",") == 1
    assert unquote_to_bytes(found.one(b"x-consumer-subject")) == (hostile or "x").encode()


def test_headers_of_claims_that_are_missing_are_missing_whatever_the_client_says(client, upstream):
    client.send(ask(bearer(SIGNER.sign()), b"X-Mail: me", b"x_mail: me", b"X-Roles: admin", target=b"/told"))
    found = upstream.answer()
    assert not [name for name, _ in found.headers if name.startswith((b"x-mail", b"x_mail", b"x-roles"))]
    assert client.message().status == 200


def test_a_claim_that_is_a_payload_is_not_passed_on(client, untouched):
    assert client.ask(ask(bearer(SIGNER.sign(email="x" * 5000)), target=b"/told")).status == 403


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "dice:see other dice:roll"}, 200),
        ({"scp": ["dice:see", "dice:roll"]}, 200),
        ({"scp": "dice:see dice:roll"}, 200),
        ({"scope": "dice:see", "scp": ["dice:roll"]}, 200),
        ({"scope": "dice:see"}, 403),
        ({"scope": "dice:see,dice:roll"}, 403),
        ({"scope": "DICE:SEE dice:roll"}, 403),
        ({"scope": {"dice:see": 1, "dice:roll": 1}}, 403),
        ({}, 403),
    ],
)
def test_a_token_needs_every_scope(claims, status, client, upstream):
    client.send(ask(bearer(SIGNER.sign(**claims)), target=b"/scoped"))
    if status == 200:
        upstream.answer()
    answer = client.message()
    assert answer.status == status
    if status == 403:
        challenge = b'Bearer realm="casino", error="insufficient_scope", scope="dice:roll dice:see"'
        assert answer.one(b"www-authenticate") == challenge


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"tenant": "casino", "roles": ["host", "croupier"]}, 200),
        ({"tenant": 7, "roles": "croupier"}, 200),
        ({"tenant": "casino"}, 403),
        ({"tenant": "casinos", "roles": ["croupier"]}, 403),
        ({"tenant": ["other"], "roles": ["croupier"]}, 403),
        ({"tenant": {"casino": 1}, "roles": ["croupier"]}, 403),
        ({"tenant": "casino", "roles": [["croupier"]]}, 403),
        ({"tenant": "casino", "roles": None}, 403),
    ],
)
def test_a_token_needs_every_claim_with_one_of_its_values(claims, status, client, upstream):
    client.send(ask(bearer(SIGNER.sign(**claims)), target=b"/claimed"))
    if status == 200:
        upstream.answer()
    assert client.message().status == status


@pytest.mark.parametrize(
    ("claims", "status"), [({}, 200), ({"sub": "bob"}, 403), ({"sub": "x", "client": "shop"}, 403)]
)
def test_a_group_lets_in_its_members(claims, status, client, upstream, gateway):
    client.send(ask(bearer(SIGNER.sign(**claims)), target=b"/staff"))
    if status == 200:
        upstream.answer()
    assert client.message().status == status
    assert gateway.line()["user.id"] == claims.get("sub", "ada")


def test_a_token_of_another_issuer_is_no_credential_here(client, untouched):
    refused = client.ask(ask(bearer(shared(iss="https://partner.example")), target=b"/site"))
    assert (refused.status, refused.one(b"www-authenticate")) == (401, b'Bearer realm="casino", error="invalid_token"')


def test_one_token_is_judged_for_each_route_by_itself(client, upstream):
    token = bearer(SIGNER.sign(scope="dice:roll"))
    call = None
    for target, status in [
        (b"/token", 200),
        (b"/scoped", 403),
        (b"/staff", 200),
        (b"/claimed", 403),
        (b"/token", 200),
    ] * 2:
        client.send(ask(token, target=target))
        if status == 200:
            call = call or upstream.accept()
            call.message()
            call.send(OK)
        assert client.message().status == status


def test_the_first_means_that_is_shown_decides(client, upstream):
    client.send(ask(bearer(SIGNER.sign()), api_key(), target=b"/mixed"))
    found = upstream.answer()
    assert (found.one(b"x-consumer"), found.all(b"x-api-key")) == (b"ada", [])
    assert client.message().status == 200
    refused = client.ask(ask(bearer(b"a.b.c"), api_key(), target=b"/mixed"))
    assert refused.status == 401
    assert refused.all(b"www-authenticate") == [
        b'Bearer realm="casino", error="invalid_token"', b'ApiKey realm="casino", header="X-API-Key"',
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"Authorization: Bearer"], id="no token"),
        pytest.param([b"Authorization: Bearer a.b.c"], id="a bad token"),
        pytest.param([bearer(SIGNER.sign()), bearer(SIGNER.sign())], id="two tokens"),
        pytest.param([bearer(SIGNER.sign()), b"Authorization: Basic x"], id="a token and a password"),
        pytest.param([b"Authorization: Basic x", bearer(SIGNER.sign())], id="a password and a token"),
        pytest.param([bearer(SIGNER.sign() + b", " + SIGNER.sign())], id="a list of tokens"),
    ],
)
@pytest.mark.parametrize("target", [b"/token", b"/either"])
def test_a_bad_token_is_refused_also_where_none_is_needed(lines, target, client, untouched, gateway):
    before = results(gateway, means="jwt").get("bad", 0)
    assert client.ask(ask(*lines, target=target)).status == 401
    assert results(gateway, means="jwt")["bad"] == before + 1


@pytest.mark.parametrize("lines", [[], [b"Authorization: Basic YTpi"], [b"Authorization: Negotiate x"]])
def test_who_shows_no_token_gets_in_where_none_is_needed(lines, client, upstream):
    client.send(ask(*lines, target=b"/either"))
    assert upstream.answer().all(b"x-consumer") == []
    assert client.message().status == 200


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER"])
def test_the_scheme_has_no_case(scheme, client, upstream):
    client.send(ask(bearer(SIGNER.sign(), scheme), target=b"/token"))
    upstream.answer()
    assert client.message().status == 200
