"""Checks that see all rules at once: what is there twice, what nobody reads, what inhibition relies on."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from promql_parser import Expr

from alerts.lint.finding import Finding
from alerts.lint.inventory import Inventory
from alerts.lint.source import Rule
from alerts.lint.tree import labels, name_of, selectors
from exporters.catalog import objective

_SIDES = ("source_matchers", "target_matchers", "equal")
Parsed = tuple[Rule, Expr | None]
_SHOWN = frozenset(series.name for series in objective.CATALOGUE)
"""Recorded for dashboards, too."""
_MATCHER = re.compile(r"""\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"?([^"]*)"?\s*""")


class Inhibition(Struct, frozen=True):
    """One rule of Alertmanager: while a source fires, targets that agree in these labels are not told."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    equal: tuple[str, ...]


def inhibitions(config: Mapping[str, object]) -> tuple[Inhibition, ...]:
    """Read the inhibition rules out of Alertmanager's configuration. Raises ValueError if they are none."""
    try:
        rules = msgspec.convert(config.get("inhibit_rules") or [], list[dict[str, Any]])
        return tuple(
            Inhibition(*(msgspec.convert(rule.get(key) or [], tuple[str, ...]) for key in _SIDES)) for rule in rules
        )
    except msgspec.ValidationError as error:
        raise ValueError(f"`inhibit_rules` has another shape: {error}") from None


def check(parsed: list[Parsed], inventory: Inventory, inhibits: tuple[Inhibition, ...]) -> Iterator[Finding]:
    """Judge all rules together."""
    yield from _twice(parsed)
    yield from _unread(parsed)
    for rule, expr in parsed:
        if rule.is_alert:
            yield from _inhibited(rule, None if expr is None else labels(expr, inventory), inhibits)


def _twice(parsed: list[Parsed]) -> Iterator[Finding]:
    seen: dict[tuple[object, ...], Rule] = {}
    for rule, expr in parsed:
        text = str(expr) if rule.is_alert else ""
        key = (rule.is_alert, rule.name, *sorted(rule.labels.items()), text)
        first = seen.setdefault(key, rule)
        if first is not rule:
            check = "duplicate-alert" if rule.is_alert else "duplicate-recording"
            yield rule.found(check, f"the same stands in {first.file}:{first.line('')}", "")


def _unread(parsed: list[Parsed]) -> Iterator[Finding]:
    read = {name_of(each) for _, expr in parsed if expr is not None for each in selectors(expr)}
    for rule, _ in parsed:
        if not rule.is_alert and rule.name not in read | _SHOWN:
            yield rule.found("unused-recording", "no rule reads it", "record")


def _inhibited(rule: Rule, have: frozenset[str] | None, inhibits: tuple[Inhibition, ...]) -> Iterator[Finding]:
    if have is None:
        return
    mine = {"alertname": rule.name, **rule.labels}
    for each in inhibits:
        concerned = any(_matches(side, mine, have) for side in (each.source, each.target))
        for label in each.equal:
            if concerned and label not in have | mine.keys():
                message = f"inhibition compares `{label}`, which it lacks: all alerts without it are taken for equal"
                yield rule.found("inhibit-label", message, "labels")


def _matches(matchers: tuple[str, ...], mine: dict[str, str], have: frozenset[str]) -> bool:
    """Whether an alert may match; what only the expression knows may have any value."""
    return bool(matchers) and all(_may(matcher, mine, have) for matcher in matchers)


def _may(matcher: str, mine: dict[str, str], have: frozenset[str]) -> bool:
    match = _MATCHER.fullmatch(matcher)
    if match is None:
        return True
    name, operator, value = match.groups()
    if name in have and name not in mine:
        return True
    held = mine.get(name, "")
    try:
        hit = re.fullmatch(value, held) is not None if "~" in operator else held == value
    except re.error:
        return True  # Go's regular expressions are others
    return hit != operator.startswith("!")
