"""Reading and judging tokens: every way to be wrong has its word, and nothing else ever comes out."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.token import MOST_BYTES, MOST_DEPTH, BadToken, Flaw, expiry, judge, read
from gateway.spec.consumer import Issuer

NOW = 1_800_000_000.0
ISSUER = Issuer(
    issuer="https://a.example", audiences=("dice", "cards"), algorithms=("ES256", "RS256"), leeway_seconds=30
)
CLAIMS = {"iss": "https://a.example", "aud": "dice", "exp": NOW + 60}
HEAD = {"alg": "ES256", "kid": "one", "typ": "JWT"}
SIGNATURE = b"c2ln"


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def text(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def token(head: object = HEAD, claims: object = CLAIMS, signature: bytes = SIGNATURE) -> bytes:
    return b".".join((b64(text(head)), b64(text(claims)), signature))


def flaw_of(shown: bytes, issuer: Issuer = ISSUER, now: float = NOW) -> Flaw | None:
    try:
        judge(read(shown, issuer.algorithms), issuer, now)
    except BadToken as bad:
        return bad.flaw
    return None


def test_a_token_is_taken_apart():
    unverified = read(token(), ("ES256",))
    assert (unverified.algorithm, unverified.key_id, unverified.claims) == ("ES256", "one", CLAIMS)
    assert unverified.signed + b"." + SIGNATURE == token()
    assert unverified.signature == b"sig"
    assert flaw_of(token()) is None


@pytest.mark.parametrize(
    "head",
    [
        pytest.param({"alg": alg}, id=str(alg))
        for alg in (
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            "HS256",
            "hs256",
            "es256",
            "ES256 ",
            "ES512",
            None,
            0,
            ["ES256"],
            {},
        )
    ]
    + [pytest.param({"kid": "one"}, id="absent")],
)
def test_only_algorithms_of_the_issuer_are_read_whatever_the_head_says(head):
    assert flaw_of(token(head)) is Flaw.ALGORITHM


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"..", id="three empty parts"),
        pytest.param(b64(text(HEAD)) + b"." + b64(text(CLAIMS)) + b".", id="no signature"),
        pytest.param(b64(text(HEAD)) + b"." + b64(text(CLAIMS)), id="two parts"),
        pytest.param(token() + b".x", id="four parts"),
        pytest.param(token() + b".x.y", id="five parts, as if encrypted"),
        pytest.param(token() + b"=", id="padding"),
        pytest.param(token() + b"\n", id="a newline behind it"),
        pytest.param(b" " + token(), id="a space before it"),
        pytest.param(token().replace(b".", b" .", 1), id="a space within"),
        pytest.param(token(signature=b"c2l+"), id="base64 instead of base64url, +"),
        pytest.param(token(signature=b"c2l/"), id="base64 instead of base64url, /"),
        pytest.param(token(signature=b"c2lnA"), id="a length no bytes have"),
        pytest.param(token(signature=b"c2lnAB"), id="bits that are left over"),
        pytest.param(token(signature=b"c2\xc3\xa9"), id="not ASCII"),
        pytest.param(token(claims={**CLAIMS, "more": "x" * MOST_BYTES}), id="too long"),
        pytest.param(token(head=b'{"alg":"ES256","alg":"ES256"}'), id="a name twice in the head"),
        pytest.param(token(claims=b'{"sub":"a","sub":"b"}'), id="a name twice in the claims"),
        pytest.param(token(claims=b'{"x":{"sub":"a","sub":"b"}}'), id="a name twice within a claim"),
        pytest.param(token(claims=b'{"s\\u0075b":"a","sub":"b"}'), id="a name twice in two spellings"),
        pytest.param(token(head={**HEAD, "crit": ["exp"]}), id="crit"),
        pytest.param(token(head={**HEAD, "crit": []}), id="empty crit"),
        pytest.param(token(head={**HEAD, "crit": ["b64"], "b64": False}), id="b64"),
        pytest.param(token(head={**HEAD, "typ": "dpop+jwt"}), id="a token for another purpose"),
        pytest.param(token(head={**HEAD, "typ": 1}), id="typ that is a number"),
        pytest.param(token(head={**HEAD, "typ": None}), id="typ that is null"),
        pytest.param(token(head={**HEAD, "kid": 1}), id="kid that is a number"),
        pytest.param(token(head={**HEAD, "kid": "k" * 257}), id="kid that is long"),
        pytest.param(token(head=[HEAD]), id="a head that is a list"),
        pytest.param(token(claims=b'"text"'), id="claims that are a text"),
        pytest.param(token(claims=b"null"), id="claims that are null"),
        pytest.param(token(claims=b"\xef\xbb\xbf{}"), id="a byte order mark"),
        pytest.param(token(claims=json.dumps(CLAIMS).encode("utf-16")), id="UTF-16"),
        pytest.param(token(claims=b'{"sub":"\xff"}'), id="not UTF-8"),
        pytest.param(token(claims=b'{"sub":"\\ud800"}'), id="half of a surrogate pair"),
        pytest.param(token(claims=b'{"exp":NaN}'), id="NaN"),
        pytest.param(token(claims=b'{"exp":Infinity}'), id="Infinity"),
        pytest.param(token(claims=b'{"x":' + b"[" * 20 + b"]" * 20 + b"}"), id="nested deeply"),
        pytest.param(token(claims=b'{"x":' + b"[" * 2900 + b"]" * 2900 + b"}"), id="nested as deeply as fits"),
        pytest.param(token(claims=b'{"a":1,}'), id="no JSON"),
        pytest.param(token(claims=b"{} {}"), id="two objects"),
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(shown):
    assert flaw_of(shown) is Flaw.MALFORMED


@pytest.mark.parametrize("kind", [None, "JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_plain_tokens_and_access_tokens_are_read(kind):
    head = HEAD if kind is None else {**HEAD, "typ": kind}
    assert flaw_of(token(head)) is None


@pytest.mark.parametrize("where", ["jwk", "jku", "x5u", "x5c"])
def test_where_a_head_says_its_key_is_means_nothing(where):
    assert read(token({**HEAD, where: "https://evil.example/key"}), ("ES256",)).key_id == "one"


@pytest.mark.parametrize("key_id", ["../../dev/null", "' OR 1=1 --", "https://evil.example/keys", "\x00", "käse"])
def test_a_key_id_is_any_text(key_id):
    assert read(token({**HEAD, "kid": key_id}), ("ES256",)).key_id == key_id


def test_nesting_is_bounded_and_what_is_within_is_read():
    within = b"[" * (MOST_DEPTH - 1) + b"]" * (MOST_DEPTH - 1)
    many = b",".join(b'"%d":{}' % number for number in range(20))
    assert flaw_of(token(claims=text(CLAIMS)[:-1] + b',"x":' + within + b"," + many + b"}")) is None


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        pytest.param({"iss": "https://a.example/"}, Flaw.ISSUER, id="an issuer with a slash more"),
        pytest.param({"iss": "HTTPS://A.EXAMPLE"}, Flaw.ISSUER, id="an issuer in capitals"),
        pytest.param({"iss": ["https://a.example"]}, Flaw.ISSUER, id="a list of issuers"),
        pytest.param({"iss": None}, Flaw.ISSUER, id="no issuer"),
        pytest.param({"aud": "other"}, Flaw.AUDIENCE, id="another audience"),
        pytest.param({"aud": "dice cards"}, Flaw.AUDIENCE, id="audiences in one text"),
        pytest.param({"aud": ["other", "more"]}, Flaw.AUDIENCE, id="other audiences"),
        pytest.param({"aud": []}, Flaw.AUDIENCE, id="no audience at all"),
        pytest.param({"aud": ["dice", 1]}, Flaw.AUDIENCE, id="an audience that is a number"),
        pytest.param({"aud": ["dice", ["dice"]]}, Flaw.AUDIENCE, id="an audience that is a list"),
        pytest.param({"aud": {"dice": 1}}, Flaw.AUDIENCE, id="an object of audiences"),
        pytest.param({"aud": None}, Flaw.AUDIENCE, id="null audience"),
        pytest.param({"exp": NOW - 30}, Flaw.EXPIRED, id="expired by the whole leeway"),
        pytest.param({"exp": 0}, Flaw.EXPIRED, id="expired in 1970"),
        pytest.param({"exp": NOW - 30.5}, Flaw.EXPIRED, id="expired by a fraction"),
        pytest.param({"exp": None}, Flaw.MALFORMED, id="exp null"),
        pytest.param({"exp": True}, Flaw.MALFORMED, id="exp true"),
        pytest.param({"exp": "1900000000"}, Flaw.MALFORMED, id="exp a text"),
        pytest.param({"exp": -1}, Flaw.MALFORMED, id="exp negative"),
        pytest.param({"exp": 2**53}, Flaw.MALFORMED, id="exp that no double holds"),
        pytest.param({"exp": 10**400}, Flaw.MALFORMED, id="exp of 400 digits"),
        pytest.param({"exp": [NOW]}, Flaw.MALFORMED, id="exp a list"),
        pytest.param({"nbf": NOW + 31}, Flaw.NOT_YET, id="not before"),
        pytest.param({"nbf": True}, Flaw.MALFORMED, id="nbf true"),
        pytest.param({"nbf": None}, Flaw.MALFORMED, id="nbf null"),
        pytest.param({"iat": NOW + 31}, Flaw.NOT_YET, id="issued in the future"),
        pytest.param({"iat": "now"}, Flaw.MALFORMED, id="iat a text"),
        pytest.param({"exp": NOW - 29}, None, id="expired within the leeway"),
        pytest.param({"exp": NOW + 0.5}, None, id="exp with a fraction"),
        pytest.param({"nbf": NOW + 29, "iat": NOW + 29}, None, id="early within the leeway"),
        pytest.param({"aud": ["other", "cards"]}, None, id="one of several audiences"),
    ],
)
def test_each_claim_is_judged(change, flaw):
    assert flaw_of(token(claims={**CLAIMS, **change})) is flaw


@pytest.mark.parametrize("missing", ["iss", "aud", "exp"])
def test_what_must_be_there_is_not_made_up(missing):
    assert flaw_of(token(claims={name: value for name, value in CLAIMS.items() if name != missing})) is not None


def test_infinity_by_a_great_exponent_is_no_date():
    assert flaw_of(token(claims=b'{"iss":"https://a.example","aud":"dice","exp":1e999}')) is Flaw.MALFORMED


def test_an_algorithm_another_issuer_uses_is_not_this_ones():
    unverified = read(token({"alg": "EdDSA"}), ("EdDSA", "ES256"))
    with pytest.raises(BadToken) as bad:
        judge(unverified, ISSUER, NOW)
    assert bad.value.flaw is Flaw.ALGORITHM


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "alg", "kid", "typ", "crit"])


@given(st.binary(max_size=200) | st.builds(b".".join, st.lists(st.binary(max_size=40), max_size=5)))
def test_reading_whatever_bytes_raises_nothing_else(shown):
    flaw_of(shown)


@given(st.dictionaries(NAMES, JSON), st.dictionaries(NAMES, JSON), st.booleans())
def test_judging_whatever_json_raises_nothing_else(head, claims, good_head):
    shown = token(HEAD if good_head else head, {**CLAIMS, **claims})
    flaw_of(shown)


@given(st.dictionaries(NAMES, JSON))
def test_whoever_is_let_through_has_an_issuer_an_audience_and_an_end(claims):
    if flaw_of(token(claims=claims)) is None:
        assert claims["iss"] == ISSUER.issuer
        assert expiry(claims) + ISSUER.leeway_seconds > NOW
