"""JSON Web Tokens before anything is believed: read within strict bounds, then judged by their claims (RFC 7519, 8725).

It knows no keys: whether the signature holds is asked last, of gateway.core.keyset. What a head says about where its key
is (`jwk`, `jku`, `x5u`, `x5c`) is not even looked at; `kid` is a name to look up and means nothing else.
"""

import functools
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final, NoReturn

from msgspec import Struct

from gateway.spec.consumer import Issuer

MOST_BYTES: Final = 8192
"""The longest token read; a longer one does not fit into most servers' heads either."""
MOST_DEPTH: Final = 8
_MOST_KEY_ID: Final = 256
_MOST_SECONDS: Final = 2.0**53
"""A NumericDate beyond what a double holds exactly is no date."""

_FORM: Final = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_ENDS: Final = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    b"",
    b"AQgw",
    b"AEIMQUYcgkosw048",
)
"""By length modulo 4, the last characters whose bits beyond the last byte are 0; no length is 1 beyond a multiple."""
_TYPES: Final = frozenset(("jwt", "at+jwt"))
"""Plain tokens, and access tokens as RFC 9068 marks them; any other kind was made for another purpose."""


class Flaw(StrEnum):
    """Why a token is refused; the words of the metric."""

    MALFORMED = "malformed"
    ALGORITHM = "wrong_algorithm"
    ISSUER = "wrong_issuer"
    AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet_valid"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "bad_signature"


class BadToken(Exception):  # noqa: N818 - it names the verdict
    """The token is refused."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


class Unverified(Struct, frozen=True):
    """What a token says, of which nothing is known to be true."""

    algorithm: str
    key_id: str
    """Empty if it names none."""
    claims: dict[str, Any]
    signed: bytes
    """The bytes its signature is over."""
    signature: bytes


def read(token: bytes, algorithms: Collection[str]) -> Unverified:
    """Take a token apart; `algorithms` are those any issuer uses, so that others cost next to nothing.

    Raises:
        BadToken: it is malformed, or signed in a way nobody uses here.

    """
    parts = _FORM.fullmatch(token) if len(token) <= MOST_BYTES else None
    if parts is None:
        raise BadToken(Flaw.MALFORMED)
    head = _head(parts[1])
    algorithm, key_id, kind = head.get("alg"), head.get("kid", ""), head.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadToken(Flaw.ALGORITHM)
    if not isinstance(key_id, str) or len(key_id) > _MOST_KEY_ID or "crit" in head:
        raise BadToken(Flaw.MALFORMED)
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise BadToken(Flaw.MALFORMED)
    return Unverified(algorithm, key_id, _object(parts[2]), token[: parts.end(2)], _bytes(parts[3]))


def judge(token: Unverified, issuer: Issuer, now: float) -> None:
    """Judge the claims of a token that says it is of this issuer; `now` is Unix time.

    Raises:
        BadToken: with the first flaw.

    """
    claims, leeway = token.claims, issuer.leeway_seconds
    if token.algorithm not in issuer.algorithms:
        raise BadToken(Flaw.ALGORITHM)
    if claims.get("iss") != issuer.issuer:
        raise BadToken(Flaw.ISSUER)
    if not _meant_for(claims.get("aud"), issuer.audiences):
        raise BadToken(Flaw.AUDIENCE)
    if now >= expiry(claims) + leeway:
        raise BadToken(Flaw.EXPIRED)
    for name in ("nbf", "iat"):
        if name in claims and _moment(claims[name]) > now + leeway:
            raise BadToken(Flaw.NOT_YET)


def expiry(claims: dict[str, Any]) -> float:
    """Return when a token expires, in Unix time; one that never does is malformed."""
    return _moment(claims.get("exp"))


def _meant_for(audience: Any, ours: tuple[str, ...]) -> bool:
    """`aud` is one text or a list of them (RFC 7519 section 4.1.3)."""
    if isinstance(audience, str):
        return audience in ours
    return (
        isinstance(audience, list)
        and all(isinstance(one, str) for one in audience)
        and not set(ours).isdisjoint(audience)
    )


def _moment(value: Any) -> float:
    """Read a NumericDate; Python takes True for 1, and JSON's 1e999 for infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST_SECONDS:
        raise BadToken(Flaw.MALFORMED)
    return float(value)


def _bytes(part: bytes) -> bytes:
    """Decode base64url (RFC 7515 section 2); of two spellings that differ in bits left over, only one is taken."""
    if part[-1] not in _ENDS[len(part) % 4]:
        raise BadToken(Flaw.MALFORMED)
    return urlsafe_b64decode(part + b"==")


@functools.lru_cache(maxsize=128)
def _head(part: bytes) -> dict[str, Any]:
    """Read a head; those of one key are all the same."""
    return _object(part)


def _object(part: bytes) -> dict[str, Any]:
    try:
        return read_object(_bytes(part))
    except ValueError:
        raise BadToken(Flaw.MALFORMED) from None


def read_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object that means the same to every reader: UTF-8, no name twice, no NaN, not nested deeply.

    Raises ValueError.
    """
    text = data.decode()
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what is wrong is the text
    if text.count("{") + text.count("[") > MOST_DEPTH and _depth_exceeds(value, MOST_DEPTH):
        raise ValueError("nested too deeply")
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no character
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _depth_exceeds(value: dict[str, Any], most: int) -> bool:
    level: list[dict[str, Any] | list[Any]] = [value]
    for _ in range(most):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for each in inner for one in each if isinstance(one, (dict, list))]
    return bool(level)
