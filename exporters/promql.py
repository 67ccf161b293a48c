"""PromQL as small values: names come from the catalogue, and a label that a series does not have is an error at once.

An expression knows its text, how tightly its outermost operator binds, and the labels its series have. It knows no
data: whether a series exists is asked of a real Prometheus, elsewhere.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from exporters.catalog.metric import Metric, Recorded
from exporters.duration import duration

TARGET_LABELS = frozenset({"job", "instance"})
"""What Prometheus adds to everything it scrapes."""

_STRENGTH = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
"""How tightly operators bind (Prometheus' documentation, "Binary operator precedence"); all of these to the left."""
_SETS = frozenset({"and", "or", "unless"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_WHOLE = 9
"""Needs no parentheses anywhere."""

Operator = Literal["or", "and", "unless", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"]
Part = Literal["bucket", "sum", "count"]


class PromqlError(ValueError):
    """The expression would mean nothing: no such label, or an operation that its metric does not allow."""


class Matching(Struct, frozen=True):
    """A label's value matches this RE2 expression as a whole (or does not)."""

    pattern: str
    negated: bool = False


class Not(Struct, frozen=True):
    """A label has another value than this."""

    value: str


Matcher = str | Not | Matching


class Vector(Struct, frozen=True):
    """An instant vector: series with one value each."""

    text: str
    labels: frozenset[str]
    strength: int = _WHOLE

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: "Vector | float") -> "Vector":
        return self.op("+", other)

    def __sub__(self, other: "Vector | float") -> "Vector":
        return self.op("-", other)

    def __mul__(self, other: "Vector | float") -> "Vector":
        return self.op("*", other)

    def __rmul__(self, other: float) -> "Vector":
        return _joined(number(other), "*", self, "", self.labels)

    def __rsub__(self, other: float) -> "Vector":
        return _joined(number(other), "-", self, "", self.labels)

    def __truediv__(self, other: "Vector | float") -> "Vector":
        return self.op("/", other)

    def __lt__(self, other: "Vector | float") -> "Vector":
        return self.op("<", other)

    def __le__(self, other: "Vector | float") -> "Vector":
        return self.op("<=", other)

    def __gt__(self, other: "Vector | float") -> "Vector":
        return self.op(">", other)

    def __ge__(self, other: "Vector | float") -> "Vector":
        return self.op(">=", other)

    def __and__(self, other: "Vector") -> "Vector":
        return self.op("and", other)

    def __or__(self, other: "Vector") -> "Vector":
        return self.op("or", other)

    def unless(self, other: "Vector", *, on: Collection[str] | None = None) -> "Vector":
        """Keep the series that have no partner in the other vector."""
        return self.op("unless", other, on=on)

    def op(
        self,
        operator: Operator,
        other: "Vector | float",
        *,
        on: Collection[str] | None = None,
        ignoring: Collection[str] | None = None,
        group_left: Collection[str] | None = None,
    ) -> "Vector":
        """Join with another vector or number; `group_left` takes many on this side, and these labels from the other.

        Raises:
            PromqlError: a label that a side does not have, or a matching that the operator does not take.
        """
        pairing = _Pairing(on, ignoring, group_left)
        if not isinstance(other, Vector):
            _refuse(pairing != _Pairing(), "a number matches everything")
            _refuse(operator in _SETS, f"`{operator}` takes two vectors")
            return _joined(self, operator, number(other), "", self.labels)
        pairing.check(self, operator, other)
        return _joined(self, operator, other, pairing.text(), pairing.labels(self, operator, other))


class _Pairing(Struct, frozen=True):
    """Which series of two sides belong together."""

    on: Collection[str] | None = None
    ignoring: Collection[str] | None = None
    group_left: Collection[str] | None = None

    def check(self, left: Vector, operator: Operator, right: Vector) -> None:
        _refuse(self.on is not None and self.ignoring is not None, "either `on` or `ignoring`")
        _refuse(self.group_left is not None and operator in _SETS, f"`{operator}` takes no group_left")
        _known(self.on or (), left.labels & right.labels)
        _known(self.ignoring or (), left.labels | right.labels)
        _known(self.group_left or (), right.labels)

    def text(self) -> str:
        sides = (("on", self.on), ("ignoring", self.ignoring), ("group_left", self.group_left))
        return " ".join(f"{word} ({', '.join(names)})" for word, names in sides if names is not None)

    def labels(self, left: Vector, operator: Operator, right: Vector) -> frozenset[str]:
        """Set operators keep whole series, `or` those of both sides; a comparison filters the left side."""
        if operator == "or":
            return left.labels | right.labels
        if operator in _SETS or (operator in _COMPARISONS and self == _Pairing()):
            return left.labels
        if self.group_left is not None:
            return left.labels | frozenset(self.group_left)
        return frozenset(self.on) if self.on is not None else left.labels - frozenset(self.ignoring or ())


class Selector(Vector, frozen=True):
    """Series as they are stored."""

    counts: bool = False
    """They only grow: rate and increase make sense, and the bare value does not."""
    offset: str = ""

    def ago(self, seconds: float) -> "Selector":
        """The same series, so long before."""
        offset = f" offset {duration(seconds)}"
        return Selector(self.bare + offset, self.labels, _WHOLE, self.counts, offset)

    def over(self, seconds: float) -> str:
        """The text of a range."""
        return f"{self.bare}[{duration(seconds)}]{self.offset}"

    @property
    def bare(self) -> str:
        """The text without its offset."""
        return self.text.removesuffix(self.offset)


def select(
    metric: Metric | Recorded, where: Mapping[str, Matcher] | None = None, *, part: Part | None = None
) -> Selector:
    """Return the series of a metric; of a histogram one part.

    Raises:
        PromqlError: the metric has no such label or part.
    """
    labels = frozenset(metric.labels)
    if isinstance(metric, Recorded):
        _refuse(part is not None, f"{metric.name} has no parts")
        return Selector(metric.name + _matchers(where or {}, labels), labels)
    labels |= TARGET_LABELS
    _refuse((part is not None) != (metric.kind == "histogram"), f"{metric.name} is a {metric.kind}")
    if part == "bucket":
        labels |= {"le"}
    name = f"{metric.exposed}_{part}" if part else metric.exposed
    return Selector(name + _matchers(where or {}, labels), labels, counts=metric.kind != "gauge")


def rate(series: Selector, seconds: float) -> Vector:
    """Per second, over a range; resets are seen through."""
    return _of_counter("rate", series, seconds)


def increase(series: Selector, seconds: float) -> Vector:
    """How much was counted over a range; resets are seen through."""
    return _of_counter("increase", series, seconds)


def over_time(how: Literal["min", "max", "avg", "sum", "last", "count"], series: Selector, seconds: float) -> Vector:
    """Aggregate each series over a range: a single failed scrape must not hide a condition."""
    _refuse(series.counts, "a counter needs rate or increase")
    return Vector(f"{how}_over_time({series.over(seconds)})", series.labels)


def changes(series: Selector, seconds: float) -> Vector:
    """How often a gauge's value changed over a range."""
    _refuse(series.counts, "a counter needs increase")
    return Vector(f"changes({series.over(seconds)})", series.labels)


def aggregate(
    how: Literal["sum", "min", "max", "avg", "count"],
    vector: Vector,
    *,
    by: Collection[str] | None = None,
    without: Collection[str] | None = None,
) -> Vector:
    """Put series together, keeping the labels `by`, or all but those `without`; neither: into one.

    Raises:
        PromqlError: the series have no such label.
    """
    _refuse(by is not None and without is not None, "either `by` or `without`")
    _known(by or without or (), vector.labels)
    if without is not None:
        return Vector(f"{how} without ({', '.join(without)}) ({vector.text})", vector.labels - frozenset(without))
    if not by:
        return Vector(f"{how}({vector.text})", frozenset())
    return Vector(f"{how} by ({', '.join(by)}) ({vector.text})", frozenset(by))


def total(vector: Vector, *by: str) -> Vector:
    """Sum, keeping these labels."""
    return aggregate("sum", vector, by=by)


def quantile(share: float, buckets: Vector) -> Vector:
    """Estimate a quantile from rates of buckets.

    Raises:
        PromqlError: the share is none, or the label `le` was summed away.
    """
    _refuse(not 0 < share < 1, "a share lies between 0 and 1")
    _known(("le",), buckets.labels)
    return Vector(f"histogram_quantile({_plain(share)}, {buckets.text})", buckets.labels - {"le"})


def edge(seconds: float) -> str:
    """Return a bucket's `le` as the gateway exposes it (Go's shortest form, never without a point)."""
    return repr(float(seconds))


def clamp_min(vector: Vector, least: float) -> Vector:
    """Raise what is below to the least value."""
    return Vector(f"clamp_min({vector.text}, {_plain(least)})", vector.labels)


def constant(value: float) -> Vector:
    """Return one series without labels."""
    return Vector(f"vector({_plain(value)})", frozenset())


def or_zero(vector: Vector) -> Vector:
    """Let 0 stand for a sum of nothing; only where no label is left, so that the two can never stand side by side."""
    _refuse(bool(vector.labels), "`or vector(0)` would add a series beside those with labels")
    return vector | constant(0)


def seconds_until(series: Selector, within_seconds: float = 0.0) -> Vector:
    """Return how far ahead the Unix times are that the series hold, or held when they were last scraped within some time."""
    _refuse(series.counts, "a counter is no time")
    times = over_time("last", series, within_seconds).text if within_seconds else series.text
    return Vector(f"{times} - time()", series.labels, _STRENGTH["-"])


def absent(vector: Vector) -> Vector:
    """1 when nothing is left of the vector; it has no label that could be relied on."""
    return Vector(f"absent({vector.text})", frozenset())


def number(value: float) -> Vector:
    """Write a number without the noise of binary fractions."""
    return Vector(_plain(value), frozenset())


def _of_counter(function: str, series: Selector, seconds: float) -> Vector:
    _refuse(not series.counts, f"{function} of what is no counter: {series.text}")
    return Vector(f"{function}({series.over(seconds)})", series.labels)


def _joined(left: Vector, operator: str, right: Vector, matching: str, labels: frozenset[str]) -> Vector:
    strength = _STRENGTH[operator]
    first = _within(left, strength)
    second = _within(right, strength + 1)
    gap = "\n" if operator in _SETS else " "
    return Vector(f"{first}{gap}{operator} {matching}{' ' if matching else ''}{second}", labels, strength)


def _within(side: Vector, least: int) -> str:
    return side.text if side.strength >= least else f"({side.text})"


def _matchers(where: Mapping[str, Matcher], labels: frozenset[str]) -> str:
    _known(where, labels)
    return "{" + ",".join(map(_matcher, where.items())) + "}" if where else ""


def _matcher(item: tuple[str, Matcher]) -> str:
    match item:
        case name, Matching(pattern, negated):
            return f"{name}{'!~' if negated else '=~'}{_quoted(pattern)}"
        case name, Not(value):
            return f"{name}!={_quoted(value)}"
        case name, value:
            return f"{name}={_quoted(str(value))}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _plain(value: float) -> str:
    """Twelve digits: beyond them stands only what binary fractions leave over (1 - 0.999)."""
    return format(Decimal(f"{value:.12g}").normalize(), "f")


def _known(names: Collection[str], labels: frozenset[str]) -> None:
    unknown = sorted(set(names) - labels)
    _refuse(bool(unknown), f"no label {', '.join(unknown)}; there are {', '.join(sorted(labels)) or 'none'}")


def _refuse(wrong: bool, reason: str) -> None:
    if wrong:
        raise PromqlError(reason)
