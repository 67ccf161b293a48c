"""Keys that tokens are verified with: read from a JSON Web Key Set (RFC 7517), refused unless they fit their purpose.

A key is bound to the algorithms it may be used with when it is read; a token chooses among these bindings and can make
none. So a public key never becomes a shared secret, whatever a token's head says (RFC 8725 section 3.1).
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import HMACAlgorithm, get_default_algorithms
from msgspec import Struct

from gateway.core.token import read_object

KEYSETS: Final = "keysets"
"""The name of the document in the build's directory."""
MOST_BYTES: Final = 256 * 1024
MOST_KEYS: Final = 100
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 4096
"""Below: NIST SP 800-131A forbids it. Above: one signature would hold a worker for longer than it may."""
_MOST_RSA_EXPONENT: Final = 2**32
"""65537 is what everybody uses; a great one makes each verification slow."""

SYMMETRIC: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Algorithms with a shared secret, and the fewest bytes it may have (RFC 7518 section 3.2)."""
_CURVES: Final = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
_RSA: Final = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
_SECRET_MEMBERS: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
_PUBLIC_MEMBERS: Final = ("kty", "crv", "n", "e", "x", "y")

Verify = Callable[[bytes, bytes], bool]
"""Says whether a signature (second) is of these bytes (first)."""


class Defect(StrEnum):
    """Why a key set is not taken."""

    GARBAGE = "garbage"
    """No JSON object with a list of keys."""
    EMPTY = "empty"
    """No key of an algorithm the issuer uses."""
    PRIVATE = "private"
    """It holds a private or a shared key: whoever wrote it has told the world."""
    TOO_MANY = "too_many"


class BadKeySet(Exception):  # noqa: N818 - it names the verdict
    """The key set is not taken; the last good one goes on."""

    def __init__(self, defect: Defect) -> None:
        super().__init__(defect)
        self.why = defect


class PublicKey(Struct, frozen=True):
    """One key, fit for these algorithms."""

    key_id: str
    """Empty if the set gives it none."""
    algorithms: tuple[str, ...]
    jwk: dict[str, str]
    """Its public members, and nothing else of what stood there."""

    def verifier(self, algorithm: str) -> Verify:
        """Make the key ready for one of its algorithms."""
        key = jwt.PyJWK(self.jwk, algorithm)
        return lambda signed, signature: key.Algorithm.verify(signed, key.key, signature)


class KeySet(Struct, frozen=True):
    """The keys of one issuer as they are known now."""

    keys: tuple[PublicKey, ...]
    """Of the last good set; none if there never was one."""
    asked: int
    """How often it was asked for, with whatever result: tells those who wait for a key that there is news."""
    taken: float
    """When the last good set came, in Unix time; 0 if there never was one."""


NO_KEYS: Final = KeySet(keys=(), asked=0, taken=0.0)
"""Of an issuer that was never asked."""


class KeySets(Struct, frozen=True, kw_only=True):
    """What control hands down to the workers, keyed by the issuer's name in the spec and the URL or file of its set."""

    edition: int
    sets: dict[tuple[str, str], KeySet]


def read_set(data: bytes, algorithms: tuple[str, ...]) -> tuple[PublicKey, ...]:
    """Read the keys of a set that fit an issuer's algorithms; others are left out.

    Raises:
        BadKeySet: nothing in it may be used.

    """
    try:
        listed = read_object(data).get("keys")
    except ValueError:
        raise BadKeySet(Defect.GARBAGE) from None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise BadKeySet(Defect.GARBAGE)
    if len(listed) > MOST_KEYS:
        raise BadKeySet(Defect.TOO_MANY)
    if any(not _SECRET_MEMBERS.isdisjoint(one) for one in listed):
        raise BadKeySet(Defect.PRIVATE)
    keys = tuple(key for key in (_public_key(one, algorithms) for one in listed) if key)
    if not keys:
        raise BadKeySet(Defect.EMPTY)
    return keys


def shared_verifier(secret: bytes, algorithm: str) -> Verify | None:
    """Make a shared secret ready for an HS algorithm; None if it is too short, or is a public key (RFC 8725 section 2.1)."""
    hashing = get_default_algorithms()[algorithm]
    assert isinstance(hashing, HMACAlgorithm)
    try:
        key = hashing.prepare_key(secret)
    except jwt.InvalidKeyError:
        return None
    if len(key) < SYMMETRIC[algorithm]:
        return None
    return lambda signed, signature: hashing.verify(signed, key, signature)


def _public_key(jwk: dict[str, Any], algorithms: tuple[str, ...]) -> PublicKey | None:
    key_id = jwk.get("kid", "")
    members: dict[str, str] = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    if not all(isinstance(value, str) for value in (key_id, *members.values())):
        return None
    key = PublicKey(key_id, tuple(one for one in algorithms if _fits(jwk, one)), members)
    return key if key.algorithms and _is_sound(key) else None


def _fits(jwk: dict[str, Any], algorithm: str) -> bool:
    """Say whether a key is of this algorithm's kind and curve, and meant for it (RFC 7517 sections 4.2 to 4.4)."""
    kind = ("RSA", None) if algorithm in _RSA else _CURVES.get(algorithm)
    if (
        (jwk.get("kty"), jwk.get("crv")) != kind
        or jwk.get("use", "sig") != "sig"
        or jwk.get("alg", algorithm) != algorithm
    ):
        return False
    operations = jwk.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _is_sound(key: PublicKey) -> bool:
    """Say whether the library takes the key, and it is neither weak nor slow."""
    try:
        made = jwt.PyJWK(key.jwk, key.algorithms[0]).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return False
    if key.jwk["kty"] != "RSA":
        return True
    assert isinstance(made, RSAPublicKey)
    return LEAST_RSA_BITS <= made.key_size <= MOST_RSA_BITS and made.public_numbers().e < _MOST_RSA_EXPONENT
