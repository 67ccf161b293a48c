"""Who is who: the consumers of a spec by their credentials, and what services are told of each.

Nothing here judges whether a credential is good, or knows a secret: keys and passwords stand here as their hashes.
"""

from math import inf
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from gateway.core.caller import Caller
from gateway.core.failure import Failure, Refused
from gateway.spec.consumer import without_case
from gateway.spec.model import Spec
from gateway.spec.moment import unix_seconds

_LONGEST: Final = 4096
"""Characters of one value told to services, encoded; what is longer is a payload, not an identity."""
_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "%,")


class Key(Struct, frozen=True):
    """One API key."""

    expires_unix: float
    caller: Caller


class User(Struct, frozen=True):
    """One user of HTTP Basic."""

    argon2: str
    """The hash of their password."""
    caller: Caller


class Directory:
    """The consumers of one spec."""

    __slots__ = ("_certificates", "_consumer_header", "_subject_header", "_subjects", "keys", "users")

    def __init__(self, spec: Spec) -> None:
        self._consumer_header = spec.identity.consumer_header.lower()
        self._subject_header = spec.identity.subject_header.lower()
        self.keys: dict[bytes, Key] = {}
        """By SHA-256."""
        self.users: dict[bytes, User] = {}
        """By the name they give, in UTF-8."""
        self._certificates: dict[str, str] = {}
        self._subjects: dict[str, list[tuple[str, str, str]]] = {}
        """Claim, value and consumer by issuer."""
        for name, consumer in spec.consumers.items():
            for key in consumer.keys:
                digest = bytes.fromhex(key.sha256)
                expires = inf if key.expires is None else unix_seconds(key.expires)
                self.keys[digest] = Key(expires, self.caller(name, "", "key"))
            for password in consumer.passwords:
                self.users[password.user.encode()] = User(password.argon2, self.caller(name, password.user, "basic"))
            for subject in consumer.tokens:
                self._subjects.setdefault(subject.issuer, []).append((subject.claim, subject.value, name))
            for certificate in consumer.certificates:
                self._certificates[without_case(certificate)] = name

    def caller(self, consumer: str, subject: str, means: str, lines: bytes = b"", issuer: str = "") -> Caller:
        """Introduce a caller; `lines` are further header lines for the service, `issuer` is the one of a token.

        Raises:
            Refused: the subject is too long to be told.

        """
        consumer_line = header_line(self._consumer_header, (consumer,)) if consumer else b""
        subject_line = header_line(self._subject_header, (subject,)) if subject else b""
        return Caller(consumer, subject, means, consumer_line + subject_line + lines, issuer)

    def of_certificate(self, names: tuple[str, ...]) -> Caller:
        """Introduce the holder of a verified certificate with these names: the first that is a consumer's says who it is."""
        for name in names:
            consumer = self._certificates.get(without_case(name))
            if consumer is not None:
                return self.caller(consumer, name, "certificate")
        return self.caller("", names[0], "certificate")

    def of_token(self, issuer: str, claims: dict[str, Any]) -> str:
        """Name the consumer whose token has these claims; empty if it is nobody's."""
        for claim, value, consumer in self._subjects.get(issuer, ()):
            if value in texts(claims.get(claim)):
                return consumer
        return ""


def texts(value: Any) -> tuple[str, ...]:
    """Give what a claim says, each value as text: those of a list one by one, numbers and booleans as JSON writes them.

    Objects and null say nothing here.
    """
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, int | float):
        return (str(value),)
    if isinstance(value, list):
        return tuple(text for item in value if not isinstance(item, list) for text in texts(item))
    return ()


def header_line(name: str, values: tuple[str, ...]) -> bytes:
    """Write values as one header line, separated by commas; what is not visible ASCII is percent-encoded, so are `%` and `,`.

    Raises:
        Refused: they are too long.

    """
    value = ",".join([quote(each, safe=_PLAIN) for each in values])
    if len(value) > _LONGEST:
        raise Refused(Failure.FORBIDDEN)
    return f"{name}: {value}\r\n".encode()
