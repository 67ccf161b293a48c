"""Checks of what stands around an expression: labels people are routed by, texts they read, durations, templates."""

import re
from collections.abc import Iterator

from promql_parser import Expr

from alerts.lint.finding import Finding
from alerts.lint.inventory import Inventory
from alerts.lint.source import Rule
from alerts.lint.tree import labels

SEVERITIES = ("critical", "warning", "info", "none")
_NAME = re.compile(r"([A-Z][a-z0-9]*)+\Z")
_VALUE = re.compile(r"\{\{[^}]*(\$value|\.Value)\b")
_LABEL = re.compile(r"\$labels\.([A-Za-z_]\w*)|\.Labels\.([A-Za-z_]\w*)")
_SAID = ("summary", "description", "runbook_url")


def check(rule: Rule, expr: Expr | None, inventory: Inventory) -> Iterator[Finding]:
    """Judge one rule; without an expression only what does not need it."""
    for name, text in rule.labels.items():
        if _VALUE.search(text):
            yield rule.found("value-in-label", f"label `{name}` holds the value: each value is another alert", "labels")
    if not rule.is_alert:
        return
    if not _NAME.match(rule.name):
        yield rule.found("alert-name", "an alert's name is written LikeThis", "alert")
    yield from _told(rule)
    every = rule.every_seconds
    if rule.for_seconds and every and rule.for_seconds < every:
        yield rule.found("short-for", "`for` is shorter than the group's interval, so it waits for nothing", "for")
    if expr is not None:
        yield from _templates(rule, labels(expr, inventory))


def _told(rule: Rule) -> Iterator[Finding]:
    severity = rule.labels.get("severity")
    if severity is None:
        yield rule.found("severity", "no label `severity`: nobody knows whether it pages", "labels")
    elif severity not in SEVERITIES and "{{" not in severity:
        yield rule.found("severity", f"severity `{severity}` is none of {', '.join(SEVERITIES)}", "labels")
    if not rule.labels.get("team"):
        yield rule.found("team", "no label `team`: nobody owns it", "labels")
    missing = [name for name in _SAID if not rule.annotations.get(name, "").strip()]
    if missing:
        yield rule.found("annotation", f"no {', '.join(missing)}: whoever is woken must know what to do", "annotations")


def _templates(rule: Rule, have: frozenset[str] | None) -> Iterator[Finding]:
    if have is None:
        return
    have |= rule.labels.keys() | {"alertname"}
    texts = (*rule.annotations.values(), *rule.labels.values())
    used = {first or second for text in texts for first, second in _LABEL.findall(text)}
    for name in sorted(used - have):
        yield rule.found("template-label", f"a text shows `{name}`, which the expression does not have", "annotations")
