"""What can be wrong with a spec, and how it is told: one value per finding, the same for people and machines."""

from enum import StrEnum

from msgspec import Struct

from gateway.spec.nodes import Place

MOST_PROBLEMS = 200


class Severity(StrEnum):
    """An error keeps the spec from being used; a warning is legal but dangerous."""

    ERROR = "error"
    WARNING = "warning"


class Fault(StrEnum):
    """Why a spec is refused."""

    UNREADABLE = "unreadable"
    ENCODING = "encoding"
    SYNTAX = "syntax"
    LIMIT = "limit"
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    WRONG_TYPE = "wrong-type"
    BAD_VALUE = "bad-value"
    OUT_OF_RANGE = "out-of-range"
    UNKNOWN_NAME = "unknown-name"
    CONFLICT = "conflict"
    SHARES = "shares"


class Danger(StrEnum):
    """What is legal but dangerous."""

    ROUTE_SHADOWED = "route.shadowed"
    ROUTE_HEALTH_PATH = "route.health-path"
    METHOD_REFUSED = "method.refused"
    LOOP = "loop"
    LOOP_CONTROL = "loop.control"
    BOUNDS_SMALL = "bounds.small"
    BOUNDS_ORDER = "bounds.order"
    BOUNDS_NO_BODY = "bounds.no-body"
    TIMEOUT_UNSTATED = "timeout.unstated"
    TIMEOUT_LONG = "timeout.long"
    TIMEOUT_ORDER = "timeout.order"
    RETRY_UNSAFE = "retry.unsafe"
    RETRY_NOWHERE = "retry.nowhere"
    RETRY_NEVER = "retry.never"
    ADDRESSES_TIE = "addresses.tie"
    ADDRESSES_UNIX = "addresses.unix"
    CORS_CONDITIONAL = "cors.conditional"
    CORS_NULL = "cors.null"
    CONTROL_EXPOSED = "control.exposed"
    TRUSTED_EVERYONE = "trusted.everyone"
    PROXY_PROTOCOL_UNTRUSTED = "proxy-protocol.untrusted"
    LATENCY_BETWEEN_BUCKETS = "latency.between-buckets"
    OBJECTIVE_NO_TEAM = "objective.no-team"
    OBJECTIVE_NO_BUDGET = "objective.no-budget"
    OBJECTIVE_NOTHING = "objective.nothing"
    OBJECTIVE_BEYOND_TIMEOUT = "objective.beyond-timeout"
    HEALTH_ABSENT = "health.absent"
    HEALTH_OVERLAPS = "health.overlaps"
    EJECTION_NEVER = "ejection.never"
    FAILURES_ANY = "failures.any"
    WEIGHT_ZERO = "weight.zero"
    TLS_UNVERIFIED = "tls.unverified"
    LIMIT_NO_IDENTITY = "limit.no-identity"
    IDENTITY_OPTIONAL = "identity.optional"
    IDENTITY_TOKENS_ALONE = "identity.tokens-alone"
    BRIDGE_NO_CERTIFICATE = "bridge.no-certificate"
    BRIDGE_NO_FILE = "bridge.no-file"
    BASIC_PLAIN = "basic.plain-http"
    ISSUER_PLAIN = "issuer.plain-http"
    KEY_EXPIRED = "key.expired"
    STORE_NO_FOLDER = "store.no-folder"
    STORE_PLAIN = "store.plain"
    UNUSED = "unused"
    OVERLAY_REMOVES_NOTHING = "overlay.removes-nothing"


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding: where, what, what was expected instead, and how to mend it."""

    file: str
    line: int
    column: int
    severity: Severity
    id: str
    message: str
    expected: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        expected = f"; expected {self.expected}" if self.expected else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}{expected}{hint} [{self.id}]"


def error(fault: Fault, place: Place, message: str, *, expected: str | None = None, hint: str | None = None) -> Problem:
    return _at(place, severity=Severity.ERROR, id_=fault, message=message, expected=expected, hint=hint)


def warning(danger: Danger, place: Place, message: str, *, hint: str | None = None) -> Problem:
    return _at(place, severity=Severity.WARNING, id_=danger, message=message, expected=None, hint=hint)


def _at(
    place: Place, *, severity: Severity, id_: Fault | Danger, message: str, expected: str | None, hint: str | None
) -> Problem:
    file, line, column = place.file, place.line, place.column
    return Problem(
        file=file,
        line=line,
        column=column,
        severity=severity,
        id=id_.value,
        message=message,
        expected=expected,
        hint=hint,
    )


class Findings:
    """Collects problems, a bounded number of each severity: beyond it the file is something else altogether."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    @property
    def is_full(self) -> bool:
        """True when one more error would not be told."""
        return len(self.errors) >= MOST_PROBLEMS

    def add(self, problem: Problem) -> None:
        among = self.errors if problem.severity is Severity.ERROR else self.warnings
        if len(among) < MOST_PROBLEMS:
            among.append(problem)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Sort by place, once each."""
    return tuple(sorted(set(problems), key=lambda each: (each.file, each.line, each.column, each.message)))


class SpecErrors(Exception):  # noqa: N818 - it holds many
    """The spec cannot be used. `unreadable` says that it is no YAML mapping at all, rather than a wrong one."""

    def __init__(self, problems: list[Problem], *, unreadable: bool = False) -> None:
        super().__init__("\n".join(map(str, in_order(problems))))
        self.problems = in_order(problems)
        self.unreadable = unreadable
