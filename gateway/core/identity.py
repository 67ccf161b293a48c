"""What a route demands of its callers, compiled: whom it lets in, what it answers to others, what its service is told.

Whether a credential is good is found out in gateway.proxy.identity; nothing here sees a secret.
"""

from binascii import Error, a2b_base64
from typing import Any, Final

from gateway.core.caller import Caller
from gateway.core.consumers import Directory, header_line, texts
from gateway.core.failure import Failure, Refused
from gateway.core.headers import folded
from gateway.core.request import Header
from gateway.spec.consumer import Demand, Identity, Means
from gateway.spec.model import Spec

BASIC: Final = b"basic"
BEARER: Final = b"bearer"
TWICE: Final = b"?"
"""Stands for the scheme of a request with two Authorization headers: no means takes it for absent, none for good."""
INVALID_TOKEN: Final = (b"www-authenticate", b'Bearer realm="casino", error="invalid_token"')
"""Says that a token was shown and is not good (RFC 6750 section 3.1), not why."""


class Gate:
    """The demand of one route."""

    __slots__ = (
        "_claims", "_consumers", "_headers", "_issuers", "_key_header", "_scopes", "_takes_basic",
        "_token_challenges", "by", "challenges", "optional",
    )  # fmt: skip

    def __init__(self, demand: Demand, spec: Spec) -> None:
        self.by: tuple[str, ...] = demand.by
        """Means accepted; the first of them that a request shows is judged, and no other."""
        self.optional = demand.optional
        self.challenges: tuple[Header, ...] = tuple(challenge(means, spec.identity) for means in demand.by)
        """What a 401 says of the means accepted (RFC 9110 section 11.6.1)."""
        self._token_challenges = tuple(INVALID_TOKEN if b"Bearer" in each[1] else each for each in self.challenges)
        self._issuers = frozenset(demand.issuers)
        groups = frozenset(demand.groups)
        members = [name for name, consumer in spec.consumers.items() if not groups.isdisjoint(consumer.groups)]
        chosen = bool(demand.consumers or demand.groups)
        self._consumers: frozenset[str] | None = frozenset((*demand.consumers, *members)) if chosen else None
        """None: everybody who is known."""
        self._scopes = frozenset(demand.scopes)
        self._claims = {name: frozenset(values) for name, values in demand.claims.items()}
        self._headers = {name.lower(): claim for name, claim in demand.headers.items()}
        self._key_header = folded(spec.identity.key_header.lower().encode()) if "key" in demand.by else b""
        self._takes_basic = "basic" in demand.by

    def challenged(self, means: str) -> tuple[Header, ...]:
        """Give what a 401 says to a credential of this means that is not good."""
        return self._token_challenges if means == "jwt" else self.challenges

    def lets_in(self, consumer: str) -> bool:
        """Say whether a consumer may call; the empty one is a good token or certificate that is nobody's."""
        return self._consumers is None or consumer in self._consumers

    def believes(self, issuer: str) -> bool:
        """Say whether tokens of an issuer are accepted here."""
        return not self._issuers or issuer in self._issuers

    def holder(self, directory: Directory, issuer: str, claims: dict[str, Any]) -> Caller:
        """Introduce the holder of a token, with what the service wants to know of its claims.

        Raises:
            Refused: a claim is too long to be told.

        """
        told = [(name, texts(claims.get(claim))) for name, claim in self._headers.items()]
        lines = b"".join([header_line(name, values) for name, values in told if values])
        consumer = directory.of_token(issuer, claims)
        return directory.caller(consumer, ",".join(texts(claims.get("sub"))), "jwt", lines)

    def check_claims(self, claims: dict[str, Any]) -> None:
        """Check what a token must have.

        Raises:
            Refused: it lacks a scope or a claim.

        """
        if not self._scopes <= scopes(claims):
            asked = " ".join(sorted(self._scopes)).encode()
            value = b'Bearer realm="casino", error="insufficient_scope", scope="%b"' % asked
            raise Refused(Failure.FORBIDDEN, ((b"www-authenticate", value),))
        if any(values.isdisjoint(texts(claims.get(name))) for name, values in self._claims.items()):
            raise Refused(Failure.FORBIDDEN)

    def screened(self, headers: list[Header], scheme: bytes | None) -> list[Header]:
        """Leave out the credentials that are for the gateway: API keys in every spelling of their header, and passwords.

        A token passes on, for services that look into it; `scheme` is that of the request's Authorization.
        """
        password = self._takes_basic and (scheme in {BASIC, TWICE})
        return [
            header
            for header in headers
            if folded(header[0]) != self._key_header and not (password and header[0] == b"authorization")
        ]


def challenge(means: Means, identity: Identity) -> Header:
    """Say how a means of proof is shown. Those for keys and certificates are no registered schemes: there are none."""
    values = {
        "key": f'ApiKey realm="casino", header="{identity.key_header}"',
        "jwt": 'Bearer realm="casino"',
        "basic": 'Basic realm="casino", charset="UTF-8"',
        "certificate": 'Certificate realm="casino"',
    }
    return b"www-authenticate", values[means].encode()


def scopes(claims: dict[str, Any]) -> frozenset[str]:
    """Give the scopes of a token: the words of `scope` (RFC 8693 section 4.2), and `scp`, a list or words."""
    return frozenset(word for name in ("scope", "scp") for text in texts(claims.get(name)) for word in text.split(" "))


def read_basic(credential: bytes) -> tuple[bytes, bytes] | None:
    """Read user and password (RFC 7617 section 2); None if it is no such pair. A password may hold colons."""
    try:
        user, colon, password = a2b_base64(credential, strict_mode=True).partition(b":")
    except Error:
        return None
    return (user, password) if colon else None
