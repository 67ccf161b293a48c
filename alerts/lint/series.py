"""Checks of the series an expression reads: whether they exist, and whether what is done to them makes sense."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from msgspec import Struct
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    Matcher,
    MatchOp,
    MatrixSelector,
    SubqueryExpr,
    VectorSelector,
)

from alerts.lint.finding import Finding
from alerts.lint.inventory import Inventory
from alerts.lint.source import Rule
from alerts.lint.tree import SETS, bare, children, labels, name_of, selectors, walk
from exporters.duration import duration

_OF_COUNTERS = frozenset({"rate", "irate", "increase", "resets"})
_NOT_OF_VALUES = frozenset(
    {"absent", "absent_over_time", "count_over_time", "present_over_time", "timestamp", "changes"}
)
"""What may look at a counter without minding its value."""
_COUNTER_NAMES = ("_total", "_bucket", "_count")
_ANY_LABEL = frozenset({"__name__", "__tmp"})


class Bounds(Struct, frozen=True):
    """What Prometheus was told."""

    scrape_seconds: float = 15.0
    retention_seconds: float | None = None
    """How long it keeps its data; None: not judged."""


def check(rule: Rule, expr: Expr, inventory: Inventory, bounds: Bounds) -> Iterator[Finding]:
    """Judge one expression."""
    for each in walk(expr):
        if isinstance(each, VectorSelector):
            yield from _exists(rule, each, inventory)
        elif isinstance(each, Call):
            yield from _called(rule, each, inventory, bounds)
        elif isinstance(each, AggregateExpr | BinaryExpr):
            yield from _named(rule, each, inventory)
    yield from _raw(rule, expr, inventory)
    yield from _reaches(rule, max(map(_back, walk(expr))), bounds)


def _exists(rule: Rule, selector: VectorSelector, inventory: Inventory) -> Iterator[Finding]:
    name = name_of(selector)
    known = inventory.find(name)
    if name and inventory.lacks(name):
        yield rule.found("unknown-metric", f"nothing exposes or records `{name}`")
    matchers = [each for each in selector.matchers.matchers if each.name not in _ANY_LABEL]
    for each in matchers:
        if known and known.labels is not None and each.name not in known.labels:
            yield rule.found("unknown-label", f"`{name}` has no label `{each.name}`")
        elif known and known.edges and each.name == "le" and each.op == MatchOp.Equal and each.value not in known.edges:
            yield rule.found("unknown-bucket", f'`{name}` has no bucket le="{each.value}"')
    for name, values in _equals(matchers).items():
        if len(values) > 1:
            yield rule.found("impossible-matcher", f"`{name}` cannot be {' and '.join(sorted(values))} at once")


def _equals(matchers: Sequence[Matcher]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in matchers:
        if each.op == MatchOp.Equal:
            found.setdefault(each.name, set()).add(each.value)
    return found


def _back(expr: Expr) -> timedelta:
    if isinstance(expr, MatrixSelector):
        return expr.range + _back(expr.vector_selector)
    return (expr.offset or timedelta()) if isinstance(expr, VectorSelector) else timedelta()


def _reaches(rule: Rule, back: timedelta, bounds: Bounds) -> Iterator[Finding]:
    if bounds.retention_seconds is not None and back.total_seconds() > bounds.retention_seconds:
        kept = duration(bounds.retention_seconds)
        yield rule.found("beyond-retention", f"it looks {duration(back.total_seconds())} back; data is kept for {kept}")


def _called(rule: Rule, call: Call, inventory: Inventory, bounds: Bounds) -> Iterator[Finding]:
    function = str(call.func.name)
    if function == "histogram_quantile":
        yield from _quantile(rule, call, inventory)
    if function not in _OF_COUNTERS:
        return
    of = call.args[0]
    if isinstance(of, SubqueryExpr) and not isinstance(bare(of.expr), VectorSelector):
        yield rule.found(
            "rate-of-aggregate", f"`{function}` of a sum does not see resets: take the sum of the {function}"
        )
    if isinstance(of, MatrixSelector):
        name, seconds = name_of(of.vector_selector), of.range.total_seconds()
        known = inventory.find(name)
        if known and known.kind == "gauge":
            yield rule.found("rate-of-gauge", f"`{name}` is a gauge; `{function}` takes each fall for a reset")
        if seconds < 2 * bounds.scrape_seconds:
            least = duration(2 * bounds.scrape_seconds)
            yield rule.found(
                "short-range", f"{duration(seconds)} hold too few samples for `{function}`: {least} at least"
            )


def _quantile(rule: Rule, call: Call, inventory: Inventory) -> Iterator[Finding]:
    of = bare(call.args[1])
    have = labels(of, inventory)
    names = {name_of(each) for each in selectors(of)}
    is_summed = isinstance(of, AggregateExpr) and have is not None and "le" not in have
    is_classic = any(name.endswith("_bucket") for name in names)
    if (is_summed and is_classic) or (have is not None and "le" not in have and not is_summed):
        yield rule.found("quantile-without-le", "histogram_quantile needs the label `le`: sum by it")


def _named(rule: Rule, expr: AggregateExpr | BinaryExpr, inventory: Inventory) -> Iterator[Finding]:
    """Labels in `by`, `without`, `on`, `ignoring` that nothing there has."""
    if isinstance(expr, AggregateExpr):
        named, have = expr.modifier.labels if expr.modifier else (), labels(expr.expr, inventory)
    else:
        matching = expr.modifier.matching if expr.modifier else None
        left, right = labels(expr.lhs, inventory), labels(expr.rhs, inventory)
        named, have = matching.labels if matching else (), None if left is None or right is None else left | right
    for label in named:
        if have is not None and str(label) not in have:
            yield rule.found("unknown-label", f"no series there has the label `{label}`")


def _raw(rule: Rule, expr: Expr, inventory: Inventory) -> Iterator[Finding]:
    for selector in _values(expr):
        name = name_of(selector)
        known = inventory.find(name)
        kind = known.kind if known else "unknown"
        if kind in {"counter", "histogram"} or (
            kind == "unknown" and name.endswith(_COUNTER_NAMES) and ":" not in name
        ):
            yield rule.found("raw-counter", f"`{name}` counts since its process began: take `rate` or `increase` of it")


def _looks_away(expr: Expr) -> bool:
    if isinstance(expr, Call):
        return str(expr.func.name) in _OF_COUNTERS | _NOT_OF_VALUES
    return isinstance(expr, AggregateExpr) and str(expr.op) in {"count", "group"}


def _values(expr: Expr) -> Iterator[VectorSelector]:
    """Yield the selectors whose bare value matters."""
    if isinstance(expr, VectorSelector):
        yield expr
    elif _looks_away(expr):
        return
    elif isinstance(expr, BinaryExpr) and str(expr.op) in SETS - {"or"}:
        yield from _values(expr.lhs)
    else:
        for child in children(expr):
            yield from _values(child)
