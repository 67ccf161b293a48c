"""Key sets: only keys fit for their purpose are taken, and each is bound to its algorithms."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from gateway.core.keyset import MOST_KEYS, BadKeySet, Defect, read_set, shared_verifier

ALL = ("RS256", "RS384", "PS256", "ES256", "ES384", "ES512", "EdDSA")
PUBLIC = ("kty", "crv", "n", "e", "x", "y")


def jwk_of(private, algorithm: str) -> dict[str, str]:
    whole = get_default_algorithms()[algorithm].to_jwk(private.public_key(), as_dict=True)
    return {name: whole[name] for name in PUBLIC if name in whole}


RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
R, E, D = jwk_of(RSA, "RS256"), jwk_of(P256, "ES256"), jwk_of(ED, "EdDSA")


def keys(*jwks: object) -> bytes:
    return json.dumps({"keys": jwks}).encode()


def bound(*jwks: object, algorithms: tuple[str, ...] = ALL) -> list[tuple[str, ...]]:
    try:
        return [key.algorithms for key in read_set(keys(*jwks), algorithms)]
    except BadKeySet:
        return []


@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        pytest.param(R, ("RS256", "RS384", "PS256"), id="RSA"),
        pytest.param({**R, "alg": "RS384"}, ("RS384",), id="RSA for one algorithm"),
        pytest.param({**R, "use": "sig", "key_ops": ["verify"]}, ("RS256", "RS384", "PS256"), id="RSA for signatures"),
        pytest.param({**R, "use": "enc"}, (), id="RSA for encryption"),
        pytest.param({**R, "key_ops": ["encrypt"]}, (), id="RSA for other operations"),
        pytest.param({**R, "key_ops": "verify"}, (), id="operations that are no list"),
        pytest.param({**R, "alg": "ES256"}, (), id="RSA that says ES256"),
        pytest.param({**R, "alg": "HS256"}, (), id="RSA that says HS256"),
        pytest.param({**R, "alg": "none"}, (), id="RSA that says none"),
        pytest.param({**R, "kid": 7}, (), id="a number for a key id"),
        pytest.param({**R, "n": 7}, (), id="a number for a modulus"),
        pytest.param({**R, "n": ""}, (), id="an empty modulus"),
        pytest.param({**R, "e": "AQ"}, (), id="the exponent 1"),
        pytest.param({**R, "e": "Ag"}, (), id="an even exponent"),
        pytest.param({**R, "e": R["n"]}, (), id="an exponent as long as the modulus"),
        pytest.param({"kty": "RSA", "n": R["n"]}, (), id="RSA without exponent"),
        pytest.param(E, ("ES256",), id="P-256"),
        pytest.param(jwk_of(ec.generate_private_key(ec.SECP384R1()), "ES384"), ("ES384",), id="P-384"),
        pytest.param(jwk_of(ec.generate_private_key(ec.SECP521R1()), "ES512"), ("ES512",), id="P-521"),
        pytest.param({**E, "crv": "P-384"}, (), id="P-256 that says P-384"),
        pytest.param({**E, "crv": "secp256k1"}, (), id="another curve"),
        pytest.param({**E, "alg": "ES384"}, (), id="P-256 that says ES384"),
        pytest.param({**E, "y": E["x"]}, (), id="a point beside the curve"),
        pytest.param({**E, "x": E["x"] + "AA"}, (), id="a coordinate that is too long"),
        pytest.param(D, ("EdDSA",), id="Ed25519"),
        pytest.param(jwk_of(ed448.Ed448PrivateKey.generate(), "EdDSA"), (), id="Ed448"),
        pytest.param({**D, "x": D["x"][:-4]}, (), id="a key that is too short"),
        pytest.param({"kty": "OKP", "crv": "X25519", "x": D["x"]}, (), id="a key for agreement"),
        pytest.param({"kty": "unknown"}, (), id="another kind"),
        pytest.param({}, (), id="nothing"),
        pytest.param(jwk_of(rsa.generate_private_key(65537, 1024), "RS256"), (), id="RSA with 1024 bits"),
    ],
)
def test_a_key_is_bound_to_the_algorithms_it_fits(jwk, algorithms):
    assert bound(jwk) == ([algorithms] if algorithms else [])


def test_a_key_too_long_to_verify_quickly_is_not_taken():
    number = int("1" + "0" * 1300)  # of 4,319 bits, and never factored: only its length is looked at
    modulus = get_default_algorithms()["RS256"].to_jwk(
        rsa.RSAPublicNumbers(65537, number | 1).public_key(), as_dict=True
    )
    assert bound({name: modulus[name] for name in ("kty", "n", "e")}) == []


def test_only_algorithms_of_the_issuer_are_bound():
    assert bound(R, E, D, algorithms=("RS256", "EdDSA")) == [("RS256",), ("EdDSA",)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", Defect.GARBAGE, id="nothing"),
        pytest.param(b"<html>", Defect.GARBAGE, id="HTML"),
        pytest.param(b"\xff\xfe", Defect.GARBAGE, id="not text"),
        pytest.param(b"[]", Defect.GARBAGE, id="a list"),
        pytest.param(b"{}", Defect.GARBAGE, id="an empty object"),
        pytest.param(b'{"keys":{}}', Defect.GARBAGE, id="keys that are no list"),
        pytest.param(b'{"keys":["a"]}', Defect.GARBAGE, id="keys that are texts"),
        pytest.param(b'{"keys":[],"keys":[]}', Defect.GARBAGE, id="keys twice"),
        pytest.param(b'{"keys":' + b"[" * 5000, Defect.GARBAGE, id="nested without end"),
        pytest.param(keys(), Defect.EMPTY, id="no key"),
        pytest.param(keys({"kty": "other"}), Defect.EMPTY, id="no key that fits"),
        pytest.param(keys(*[E] * (MOST_KEYS + 1)), Defect.TOO_MANY, id="too many keys"),
        pytest.param(keys(E, {**R, "d": "AQAB"}), Defect.PRIVATE, id="a private key"),
        pytest.param(keys(E, {**D, "d": "AQAB"}), Defect.PRIVATE, id="a private Ed25519 key"),
        pytest.param(keys(E, {"kty": "oct", "k": "c2VjcmV0"}), Defect.PRIVATE, id="a shared secret"),
    ],
)
def test_a_set_that_is_not_to_be_trusted_is_refused_whole(data, why):
    with pytest.raises(BadKeySet) as bad:
        read_set(data, ALL)
    assert bad.value.why is why


def test_nothing_but_the_public_members_is_kept():
    [key] = read_set(keys({**R, "kid": "one", "x5c": ["…"], "note": "hello"}), ALL)
    assert key.jwk == R
    assert key.key_id == "one"


@pytest.mark.parametrize(
    ("private", "jwk", "algorithm"), [(RSA, R, "RS256"), (RSA, R, "PS256"), (P256, E, "ES256"), (ED, D, "EdDSA")]
)
def test_a_key_verifies_what_its_other_half_signed_and_nothing_else(private, jwk, algorithm):
    [key] = read_set(keys(jwk), ALL)
    verify = key.verifier(algorithm)
    signature = get_default_algorithms()[algorithm].sign(b"this", private)
    assert verify(b"this", signature)
    assert not verify(b"that", signature)
    for other in (b"", signature[:-1], signature + b"\0", bytes(len(signature)), signature[::-1]):
        assert not verify(b"this", other)


@pytest.mark.parametrize(
    ("secret", "algorithm", "fits"),
    [
        pytest.param(b"s" * 32, "HS256", True, id="as long as the hash"),
        pytest.param(b"s" * 31, "HS256", False, id="shorter than the hash"),
        pytest.param(b"s" * 63, "HS512", False, id="shorter than a longer hash"),
        pytest.param(
            RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "HS256", False, id="a PEM"
        ),
        pytest.param(
            RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "HS256", False, id="a DER"
        ),
        pytest.param(json.dumps(R).encode(), "HS256", False, id="a JWK"),
        pytest.param(keys(R), "HS256", False, id="a key set"),
    ],
)
def test_a_shared_secret_is_long_enough_and_no_public_key(secret, algorithm, fits):
    verify = shared_verifier(secret, algorithm)
    assert (verify is not None) is fits
    if verify:
        assert verify(b"this", get_default_algorithms()[algorithm].sign(b"this", secret))
        assert not verify(b"that", get_default_algorithms()[algorithm].sign(b"this", secret))
