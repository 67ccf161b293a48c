"""Issuers whose private keys the tests hold: they sign whatever a test asks for, right or wrong."""

import base64
import functools
import json
import time

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from exporters.catalog.gateway import TOKENS
from gateway.core.keyset import KEYSETS, KeySet, KeySets, read_set
from gateway.store.slot import Word
from tests.waiting import until

ISSUER, AUDIENCE = "https://issuer.example", "dice"
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
SOURCE = "/published/by/the/test"
"""Where the spec says the keys are: tests play control, which alone reads it."""
SECRET = "a shared secret of forty-two characters or so"
_MAKE = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class Key:
    """A key pair, its id, and what it signs with."""

    def __init__(self, algorithm: str = "ES256", key_id: str | None = None) -> None:
        self.algorithm = algorithm
        self.key_id = algorithm if key_id is None else key_id
        self.private = _MAKE[algorithm]()

    @property
    def jwk(self) -> dict[str, str]:
        public = get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        members = {name: public[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in public}
        return {**members, "alg": self.algorithm, "use": "sig", **({"kid": self.key_id} if self.key_id else {})}

    @property
    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, head: dict[str, object] | None = None, **claims: object) -> bytes:
        """Sign these claims over those of a good token; None leaves one out."""
        head = {"alg": self.algorithm, "kid": self.key_id} | (head or {})
        signed = encode(head) + b"." + encode(good_claims(**claims))
        return signed + b"." + b64(self.signature(signed))

    def signature(self, signed: bytes) -> bytes:
        return get_default_algorithms()[self.algorithm].sign(signed, self.private)


@functools.cache
def key(algorithm: str, key_id: str | None = None) -> Key:
    """The same key for all tests of a process: RSA keys take a while."""
    return Key(algorithm, key_id)


def good_claims(**claims: object) -> dict[str, object]:
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "nbf": now, "exp": now + 300}
    return {name: value for name, value in (usual | claims).items() if value is not None}


def encode(value: object) -> bytes:
    return b64(json.dumps(value).encode())


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def shared(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> bytes:
    """Sign with a shared secret."""
    signed = encode({"alg": algorithm, "typ": "JWT"}) + b"." + encode(good_claims(**claims))
    return signed + b"." + b64(jwt.algorithms.HMACAlgorithm(_HASHES[algorithm]).sign(signed, secret.encode()))


_HASHES = {
    "HS256": jwt.algorithms.HMACAlgorithm.SHA256,
    "HS384": jwt.algorithms.HMACAlgorithm.SHA384,
    "HS512": jwt.algorithms.HMACAlgorithm.SHA512,
}


def key_set(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.jwk for key in keys]}).encode()


class Publisher:
    """What control would publish."""

    def __init__(self, gateway) -> None:
        self._gateway = gateway
        self._sets: dict[tuple[str, str], KeySet] = {}

    def publish(self, *keys: Key, issuer: str = "site", source: str = SOURCE, asked: int | None = None) -> None:
        """Let the issuer have these keys from now on."""
        place = issuer, source
        before = self._sets.get(place)
        count = (before.asked + 1 if before else 1) if asked is None else asked
        read = read_set(key_set(*keys), ALGORITHMS) if keys else ()
        self._sets[place] = KeySet(keys=read, asked=count, taken=time.time())
        gateway = self._gateway
        edition = gateway.control.words[Word.KEYSETS] + 1
        document = msgspec.msgpack.encode(KeySets(edition=edition, sets=self._sets))
        gateway.build.documents.write(KEYSETS, document)
        gateway.control.words[Word.KEYSETS] = edition
        until(lambda: gateway.worker.words[Word.KEYSETS] == edition)


def bearer(token: bytes, scheme: bytes = b"Bearer") -> bytes:
    """The header line that shows a token."""
    return b"Authorization: " + scheme + b" " + token


def verdicts(gateway) -> dict[str, int]:
    """How tokens were judged so far, by result."""
    found: dict[str, int] = {}
    for (name, pairs), value in gateway.totals().counters.items():
        if name == TOKENS.name and value:
            result = dict(pairs)["result"]
            found[result] = found.get(result, 0) + value
    return found
