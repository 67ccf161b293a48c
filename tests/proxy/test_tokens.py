"""Tokens on real sockets: whom the gateway believes, and every known way to be believed without a right to it."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.proxy.credentials import ask
from tests.proxy.signing import (
    ALGORITHMS,
    AUDIENCE,
    ISSUER,
    SECRET,
    SOURCE,
    Key,
    Publisher,
    b64,
    bearer,
    encode,
    good_claims,
    key,
    key_set,
    shared,
    verdicts,
)
from tests.proxy.wire import OK

NOW = int(time.time())
ROUTES = """
  guarded: {match: /guarded/**, answer: {status: 200, body: inside}, identity: jwt}
  told: {match: /told, to: game, identity: jwt}
"""


def issuers(secret: object) -> str:
    return f"""
identity: {{verifications: 1000000, verify: 100%}}
issuers:
  site: {{issuer: "{ISSUER}", audiences: [{AUDIENCE}], algorithms: [{", ".join(ALGORITHMS)}], file: {SOURCE}}}
  partner: {{issuer: "https://partner.example", audiences: [{AUDIENCE}], algorithms: [HS256], secret: {{file: {secret}}}}}
"""


@pytest.fixture
def publish(gateway):
    return Publisher(gateway).publish


@pytest.fixture
def guarded(configure, connect, publish, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    configure(top=issuers(secret), routes=ROUTES)
    publish(*(key(algorithm) for algorithm in ALGORITHMS))
    return connect()


def status(client, *tokens: bytes) -> int:
    return client.ask(ask(*(bearer(token) for token in tokens), target=b"/guarded")).status


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_its_issuer_signed_is_believed_each_time(algorithm, guarded, gateway):
    before = verdicts(gateway)
    token = key(algorithm).sign()
    assert [status(guarded, token) for _ in range(3)] == [200] * 3
    now = verdicts(gateway)
    assert now.get("good", 0) - before.get("good", 0) == 1
    assert now.get("cached", 0) - before.get("cached", 0) == 2


def test_a_token_signed_with_the_shared_secret_is_believed(guarded):
    assert status(guarded, shared(iss="https://partner.example")) == 200


def test_services_are_told_the_subject_and_not_the_token(guarded, upstream):
    guarded.send(ask(bearer(key("ES256").sign(sub="ada")), target=b"/told"))
    asked = upstream.answer(OK)
    assert guarded.message().status == 200
    assert asked.one(b"x-consumer-subject") == b"ada"


def raw(head: dict, claims: dict, signature: bytes = b"") -> bytes:
    return encode(head) + b"." + encode(claims) + b"." + b64(signature)


def hs256(secret: bytes, head: dict | None = None, **claims: object) -> bytes:
    signed = encode({"alg": "HS256", **(head or {})}) + b"." + encode(good_claims(**claims))
    return signed + b"." + b64(hmac.new(secret, signed, hashlib.sha256).digest())


def with_der_signature() -> bytes:
    signed, _, signature = key("ES256").sign().rpartition(b".")
    both = base64.urlsafe_b64decode(signature + b"==")
    der = encode_dss_signature(int.from_bytes(both[:32], "big"), int.from_bytes(both[32:], "big"))
    return signed + b"." + b64(der)


def signed_by(signer: Key, head: dict[str, object], **claims: object) -> bytes:
    """Sign with a key the issuer does not know, under whatever head."""
    return signer.sign(head, **claims)


STRANGER = Key("ES256")
RS, ES = key("RS256"), key("ES256")
JWK_TEXT = json.dumps(RS.jwk).encode()
FORGED = [
    *(
        pytest.param(raw({"alg": none, **head}, good_claims(), signature), id=f"alg {none!r} {why}")
        for none in ("none", "None", "NONE", "nOnE", "", None)
        for why, head, signature in (("with a signature", {"kid": "ES256"}, b"sig"), ("without a key id", {}, b"sig"))
    ),
    pytest.param(raw({"alg": "none"}, good_claims()), id="alg none, nothing for a signature"),
    pytest.param(ES.sign().rpartition(b".")[0] + b".", id="signature stripped"),
    pytest.param(ES.sign().rpartition(b".")[0], id="signature and its dot stripped"),
    pytest.param(hs256(RS.pem, {"kid": "RS256"}), id="RS to HS with the PEM"),
    pytest.param(hs256(RS.pem.strip(), {"kid": "RS256"}), id="RS to HS with the PEM, trimmed"),
    pytest.param(hs256(JWK_TEXT, {"kid": "RS256"}), id="RS to HS with the JWK"),
    pytest.param(hs256(key_set(RS), {"kid": "RS256"}), id="RS to HS with the key set"),
    pytest.param(hs256(RS.pem, iss="https://partner.example"), id="another issuer's HS with the PEM"),
    pytest.param(hs256(b"", iss="https://partner.example"), id="HS with an empty secret"),
    pytest.param(hs256(b"/dev/null", {"kid": "../../dev/null"}, iss="https://partner.example"), id="key id: a path"),
    pytest.param(hs256(b"", {"kid": "/dev/null"}, iss="https://partner.example"), id="key id: an empty file"),
    *(
        pytest.param(signed_by(STRANGER, {"kid": kid}), id=f"key id {kid!r}")
        for kid in ("ES256", "../../etc/passwd", "' UNION SELECT 'k", "https://evil.example/k", "", "ES256\u0000", "*")
    ),
    pytest.param(signed_by(STRANGER, {"jwk": STRANGER.jwk}), id="embedded jwk"),
    pytest.param(signed_by(STRANGER, {"jwk": STRANGER.jwk, "kid": "new"}), id="embedded jwk of a new id"),
    pytest.param(signed_by(STRANGER, {"jku": "http://127.0.0.1:1/keys"}), id="jku"),
    pytest.param(signed_by(STRANGER, {"x5u": "http://127.0.0.1:1/keys"}), id="x5u"),
    pytest.param(signed_by(STRANGER, {"x5c": ["MIIB"]}), id="x5c"),
    pytest.param(RS.sign({"alg": "PS256"}), id="RS signature that says PS"),
    pytest.param(RS.sign({"alg": "ES256", "kid": "ES256"}), id="RS signature that says ES"),
    pytest.param(key("ES384").sign({"alg": "ES256", "kid": "ES256"}), id="a key on another curve"),
    pytest.param(ES.sign({"alg": "ES384", "kid": "ES256"}), id="a curve that does not fit the algorithm"),
    pytest.param(ES.sign({"crit": ["exp"]}), id="crit"),
    pytest.param(ES.sign({"b64": False, "crit": ["b64"]}), id="an unencoded payload"),
    pytest.param(ES.sign({"typ": "logout+jwt"}), id="a token for another purpose"),
    pytest.param(with_der_signature(), id="ES256 in DER"),
    pytest.param(ES.sign(exp=NOW - 31), id="expired"),
    pytest.param(ES.sign(exp=None), id="without an end"),
    pytest.param(ES.sign(exp=str(NOW + 300)), id="an end that is a text"),
    pytest.param(ES.sign(exp=True), id="an end that is true"),
    pytest.param(ES.sign(exp=1e300), id="an end beyond all time"),
    pytest.param(ES.sign(nbf=NOW + 3600), id="not valid yet"),
    pytest.param(ES.sign(iat=NOW + 3600), id="issued in the future"),
    pytest.param(ES.sign(aud="cards"), id="wrong audience"),
    pytest.param(ES.sign(aud=["cards", "roulette"]), id="wrong audiences"),
    pytest.param(ES.sign(aud=None), id="no audience"),
    pytest.param(ES.sign(iss="https://evil.example"), id="wrong issuer"),
    pytest.param(ES.sign(iss=ISSUER + "/"), id="nearly the issuer"),
    pytest.param(ES.sign(iss=None), id="no issuer"),
    pytest.param(ES.sign(iss="https://partner.example"), id="signed by another issuer's key"),
    pytest.param(shared(), id="signed with another issuer's secret"),
    pytest.param(shared(iss="https://partner.example", secret=SECRET + "x"), id="signed with a wrong secret"),
    pytest.param(
        shared(iss="https://partner.example", algorithm="HS512"), id="an algorithm of the kind, not on the list"
    ),
    pytest.param(b"." * 3, id="dots"),
    pytest.param(b"a.b.c", id="three letters"),
    pytest.param(b"e30.e30.e30", id="three empty objects"),
    pytest.param(ES.sign(more="x" * 9000), id="longer than any token"),
    pytest.param(ES.sign() + b"=", id="padding"),
    pytest.param(ES.sign().replace(b".", b"%2E"), id="dots in percent encoding"),
    pytest.param(ES.sign() + b"," + ES.sign(), id="two tokens with a comma"),
    pytest.param(ES.sign() + b" " + ES.sign(), id="two tokens with a space"),
    pytest.param(b'"' + ES.sign() + b'"', id="in quotes"),
]


@pytest.mark.parametrize("token", FORGED)
def test_a_token_that_is_not_right_in_everything_is_refused(token, guarded):
    assert [status(guarded, token) for _ in range(2)] == [401] * 2
    assert status(guarded, ES.sign()) == 200


def test_every_refusal_looks_the_same(guarded):
    answers = set()
    for token in (
        b"a.b.c",
        ES.sign(exp=NOW - 99),
        STRANGER.sign(),
        ES.sign(aud="other"),
        ES.sign(iss="https://x.example"),
    ):
        answer = guarded.ask(ask(bearer(token), target=b"/guarded"))
        body = json.loads(answer.body)
        changing = {b"x-request-id", b"date"}
        headers = tuple((name, value) for name, value in answer.headers if name.lower() not in changing)
        answers.add((answer.start, headers, body.get("title"), body.get("detail")))
    assert len(answers) == 1


def test_a_claim_given_twice_is_refused(guarded):
    claims = json.dumps(good_claims()).encode()
    twice = claims[:-1] + b', "sub": "root"}'
    signed = encode({"alg": "ES256", "kid": "ES256"}) + b"." + b64(twice)
    assert status(guarded, signed + b"." + b64(ES.signature(signed))) == 401


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
def test_the_scheme_may_be_written_in_any_case(scheme, guarded):
    assert guarded.ask(ask(bearer(ES.sign(), scheme), target=b"/guarded")).status == 200


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([bearer(ES.sign()), bearer(ES.sign())], id="twice"),
        pytest.param([bearer(ES.sign()), bearer(STRANGER.sign())], id="a good one and a bad one"),
        pytest.param([bearer(STRANGER.sign()), bearer(ES.sign())], id="a bad one and a good one"),
        pytest.param([bearer(ES.sign(), b"JWT")], id="another scheme"),
        pytest.param([bearer(ES.sign(), b"Bearer:")], id="a scheme with a colon"),
        pytest.param([b"Authorization:" + ES.sign()], id="no scheme"),
        pytest.param([b"Authorization: Bearer"], id="no token"),
        pytest.param([b"Authorization: Bearer "], id="a token of spaces"),
        pytest.param([b"X-Authorization: Bearer " + ES.sign()], id="another header"),
        pytest.param([b"Cookie: token=" + ES.sign()], id="a cookie"),
        pytest.param([b"Proxy-Authorization: Bearer " + ES.sign()], id="the header for proxies"),
    ],
)
def test_a_token_counts_only_where_it_belongs(lines, guarded):
    assert guarded.ask(ask(*lines, target=b"/guarded")).status == 401


@pytest.mark.parametrize("name", [b"access_token", b"token", b"jwt"])
def test_a_token_in_the_query_is_not_read(name, guarded):
    assert guarded.ask(ask(target=b"/guarded?" + name + b"=" + ES.sign())).status == 401


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_token_with_one_character_changed_is_refused(data, guarded):
    token = key("EdDSA").sign(jti=data.draw(st.text("abc", max_size=3)))
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(b"ABCXYZabcxyz0189-_.").filter(lambda character: character != token[at]))
    assert status(guarded, token[:at] + bytes([other]) + token[at + 1 :]) == 401
    assert status(guarded, token) == 200


def test_an_issuer_without_keys_believes_nobody(guarded, publish):
    publish()
    for algorithm in ALGORITHMS:
        assert status(guarded, key(algorithm).sign()) == 401


def test_a_token_without_key_id_needs_an_issuer_with_one_fitting_key(guarded, publish):
    unnamed = jwt.encode(good_claims(), ES.private, "ES256").encode()
    assert status(guarded, unnamed) == 200
    publish(ES, Key("ES256", "second"))
    assert status(guarded, unnamed) == 401
    assert status(guarded, ES.sign()) == 200


def test_verdicts_are_counted_by_their_reason(guarded, gateway):
    before = verdicts(gateway)
    for token in (b"x", hs256(b"x"), ES.sign(iss="x"), ES.sign(aud="x"), ES.sign(exp=1), ES.sign(nbf=NOW + 999)):
        assert status(guarded, token) == 401
    for token in (ES.sign({"kid": "x"}), signed_by(STRANGER, {"kid": "ES256"}, jti="counted")):
        assert status(guarded, token) == 401
    now = verdicts(gateway)
    assert {result: now[result] - before.get(result, 0) for result in now if now[result] != before.get(result, 0)} == {
        "malformed": 1,
        "wrong_algorithm": 1,
        "wrong_issuer": 1,
        "wrong_audience": 1,
        "expired": 1,
        "not_yet_valid": 1,
        "unknown_key": 1,
        "bad_signature": 1,
    }
