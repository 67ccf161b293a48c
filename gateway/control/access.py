"""Who may call the control port: callers of this machine, and whoever shows a token whose role is enough.

Local callers need no token, but one that is shown must be good. What is refused is counted for each address, and beyond
a rate gets 429 instead of another guess; a good token is never among that.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from gateway.control.guard import Call, is_ambiguous, refusal
from gateway.core.address import address_key
from gateway.spec.access import Control, Token
from gateway.spec.secret import Secret
from gateway.store.secrets import SecretError, Secrets

logger = logging.getLogger("casino.control")

LEAST_CHARACTERS = 32
_USABLE = re.compile(rf"[!-~]{{{LEAST_CHARACTERS},}}").fullmatch
_BEARER = re.compile(r"bearer +([!-~]+)", re.IGNORECASE).fullmatch
"""RFC 6750 section 2.1, RFC 9110 section 11.1."""


class Role(StrEnum):
    """What a caller may do; each role may do what those before it may."""

    READ = "read"
    OPERATE = "operate"


class Result(StrEnum):
    """What became of a call at the door; the label `result`."""

    ALLOWED = "allowed"
    AMBIGUOUS = "ambiguous"
    """Somebody between may have read it in another way."""
    FOREIGN = "foreign"
    """By its Host, Origin or body a page of another site may have sent it."""
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    LIMITED = "limited"


STATUS = {
    Result.AMBIGUOUS: 400,
    Result.FOREIGN: 403,
    Result.UNAUTHENTICATED: 401,
    Result.FORBIDDEN: 403,
    Result.LIMITED: 429,
}


class Verdict(Struct, frozen=True):
    """Whether a call is carried out, and why not."""

    result: Result
    user: str = ""
    """The name of the token shown, if it is good."""
    detail: str = ""
    headers: dict[str, str] = {}
    told: bool = True
    """Whether a refusal has a line of its own in the audit log."""
    folded: int = 0
    """Refusals of this address, since its last line, that have none."""


def needed(call: Call) -> Role:
    """The one table of who may do what: reading takes `read`, all else takes `operate`."""
    return Role.OPERATE if call.changes else Role.READ


class Access:
    """The door of one control process."""

    def __init__(self, secrets: Secrets, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._tokens = Tokens(secrets)
        self._refusals = Refusals(clock)

    def judge(self, call: Call, control: Control) -> Verdict:
        """Decide on one call by the spec that runs."""
        verdict = self._decide(call, control)
        if verdict.result is Result.ALLOWED:
            return verdict
        limited, told, folded = self._refusals.note(address_key(call.source or ""))
        if not limited:
            return replace(verdict, folded=folded)
        more = {"Retry-After": "1"}
        return Verdict(Result.LIMITED, verdict.user, "Too many refused calls from here.", more, told=told)

    def _decide(self, call: Call, control: Control) -> Verdict:
        if is_ambiguous(call):
            return Verdict(Result.AMBIGUOUS, detail="The request is not valid HTTP/1.1, or could be read in two ways.")
        foreign = refusal(call, control.hosts)
        return Verdict(Result.FOREIGN, detail=foreign) if foreign else self._identify(call, control.tokens)

    def _identify(self, call: Call, tokens: Mapping[str, Token]) -> Verdict:
        shown = call.headers.get("authorization", ())
        if not shown and call.is_local:
            return Verdict(Result.ALLOWED)
        bearer = _BEARER(shown[0]) if len(shown) == 1 else None
        found = self._tokens.find(bearer[1], tokens) if bearer else None
        if found is None:
            return _unauthenticated(tried=bool(shown))
        user, role = found
        if needed(call) is Role.OPERATE and role is not Role.OPERATE:
            challenge = {"WWW-Authenticate": 'Bearer realm="casino control", error="insufficient_scope"'}
            return Verdict(Result.FORBIDDEN, user, "The role of this token does not allow it.", challenge)
        return Verdict(Result.ALLOWED, user)


def _unauthenticated(*, tried: bool) -> Verdict:
    """Refuse whoever shows no good token; what was wrong with it is not said (RFC 6750 section 3.1)."""
    challenge = 'Bearer realm="casino control"' + (', error="invalid_token"' if tried else "")
    detail = "This needs a valid token, as `Authorization: Bearer TOKEN`."
    return Verdict(Result.UNAUTHENTICATED, detail=detail, headers={"WWW-Authenticate": challenge})


class Tokens:
    """The tokens of the spec, as they are now: a file that changed is read again when the next token is shown."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._digests: dict[Secret, bytes | None] = {}
        self._faults: dict[Secret, str] = {}

    def find(self, shown: str, tokens: Mapping[str, Token]) -> tuple[str, Role] | None:
        """Give name and role of the token shown. Every token is compared, each in the same time whatever it holds."""
        asked = hashlib.sha256(shown.encode()).digest()
        found = None
        for name, token in tokens.items():
            digest = self._digest(name, token.token)
            if hmac.compare_digest(digest or _NO_TOKEN, asked) and digest and found is None:
                found = name, Role(token.role)
        return found

    def _digest(self, name: str, secret: Secret) -> bytes | None:
        """Read a token; one that cannot be read for now stays what it was."""
        try:
            value = self._secrets.get(secret)
        except SecretError as fault:
            self._tell(name, secret, str(fault))
            return self._digests.get(secret)
        usable = _USABLE(value) is not None
        self._tell(name, secret, "" if usable else f"it needs {LEAST_CHARACTERS} visible ASCII characters")
        self._digests[secret] = hashlib.sha256(value.encode()).digest() if usable else None
        return self._digests[secret]

    def _tell(self, name: str, secret: Secret, fault: str) -> None:
        if fault and self._faults.get(secret) != fault:
            logger.error("token_unusable", extra={"fields": {"user.name": name, "error.message": fault}})
        self._faults[secret] = fault


_NO_TOKEN = bytes(hashlib.sha256().digest_size)


class _Bucket:
    """What one address may still be refused, and what it was without a line."""

    __slots__ = ("folded", "is_limited", "level", "since")

    def __init__(self, now: float) -> None:
        self.level = float(Refusals.AT_ONCE)
        self.since = now
        self.folded = 0
        self.is_limited = False


class Refusals:
    """A token bucket for each address that was refused, of those seen last."""

    AT_ONCE = 60
    PER_SECOND = 1.0
    MOST_ADDRESSES = 4096

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def note(self, source: str) -> tuple[bool, bool, int]:
        """Count a refusal; say whether it is one too many, whether it is told, and how many before it were not."""
        now = self._clock()
        bucket = self._buckets.pop(source, None) or _Bucket(now)
        if len(self._buckets) >= self.MOST_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[source] = bucket
        bucket.level = min(self.AT_ONCE, bucket.level + (now - bucket.since) * self.PER_SECOND)
        bucket.since = now
        if bucket.level >= 1:
            bucket.level -= 1
            folded, bucket.folded, bucket.is_limited = bucket.folded, 0, False
            return False, True, folded
        told, bucket.is_limited = not bucket.is_limited, True
        bucket.folded += not told
        return True, told, 0
