"""Reads a rule file into rules that know their lines, and the comments that suppress a check. Judges no rule.

Prometheus' own files are read, and PrometheusRule documents of the Operator. Alertmanager's templates are left as text.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from alerts.lint.finding import CHECKS, Finding

_IGNORE = re.compile(r"#\s*casino-lint:\s*ignore(?P<file>-file)?\s+(?P<check>\S+)\s*(?P<reason>.*)$")
_MERGE = "tag:yaml.org,2002:merge"
"""`<<: *defaults`: Prometheus takes the keys of what stands there."""
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_DURATION = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule as its file has it."""

    file: str
    group: str
    name: str
    is_alert: bool
    expr: str
    lines: dict[str, int]
    """Where each key stands; `""` is the rule's first line."""
    end: int
    for_seconds: float | None
    every_seconds: float | None
    labels: dict[str, str]
    annotations: dict[str, str]

    def line(self, key: str) -> int:
        """Return where a key stands, or the rule itself."""
        return self.lines.get(key, self.lines[""])

    def found(self, check: str, message: str, key: str = "expr") -> Finding:
        """Report this rule."""
        return Finding(self.file, self.line(key), check, self.name, message)


class Suppression(Struct, frozen=True):
    """A comment that says why a check does not apply."""

    line: int
    of: int
    """The line it speaks of: its own, or the first one below that is no comment."""
    check: str
    reason: str
    whole_file: bool


class Source(Struct, frozen=True):
    """One file."""

    name: str
    rules: tuple[Rule, ...]
    suppressions: tuple[Suppression, ...]
    findings: tuple[Finding, ...]


def read(name: str, text: str) -> Source:
    """Read one file; what is no rule file at all is a finding."""
    suppressions = tuple(_suppressions(text))
    wrong = tuple(_wrong(name, suppressions))
    try:
        documents = list(yaml.compose_all(text))
        groups = [group for node in documents for group in _groups(node)]
        rules = tuple(rule for group in groups for rule in _rules(name, group))
    except RecursionError:
        return Source(name, (), suppressions, (Finding(name, 1, "yaml", "", "nested too deeply"), *wrong))
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        problem = getattr(error, "problem", None) or "it cannot be read"
        return Source(name, (), suppressions, (Finding(name, line, "yaml", "", f"no YAML: {problem}"), *wrong))
    return Source(name, rules, suppressions, (*wrong, *_shape(name, documents), *_twice(name, groups)))


def seconds_in(text: str) -> float | None:
    """Read a duration as Prometheus writes it (`1h30m`); None if it is none."""
    parts = _PART.findall(text) if _DURATION.fullmatch(text) else []
    return sum(int(count) * _UNITS[unit] for count, unit in parts) if parts else (0.0 if text == "0" else None)


def _suppressions(text: str) -> Iterator[Suppression]:
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if match := _IGNORE.search(line):
            below = (at for at, each in enumerate(lines[number - 1 :], number) if each.split("#")[0].strip())
            whole = match["file"] is not None
            yield Suppression(number, next(below, number), match["check"], match["reason"].strip(), whole)


def _wrong(name: str, suppressions: tuple[Suppression, ...]) -> Iterator[Finding]:
    for each in suppressions:
        if each.check not in CHECKS:
            yield Finding(name, each.line, "suppression", "", f"there is no check `{each.check}`")
        elif not each.reason:
            yield Finding(name, each.line, "suppression", "", f"why `{each.check}` does not apply must stand behind it")


def _pairs(node: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    merged = [value for key, value in node.value if key.tag == _MERGE]
    behind = [each for value in merged for each in (value.value if isinstance(value, yaml.SequenceNode) else [value])]
    inherited = {name: pair for each in reversed(behind) for name, pair in _pairs(each).items()}
    return inherited | {str(key.value): (key, value) for key, value in node.value if key.tag != _MERGE}


def _items(pairs: dict[str, tuple[yaml.Node, yaml.Node]], key: str) -> list[yaml.Node]:
    node = pairs[key][1] if key in pairs else None
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _groups(document: yaml.Node) -> list[yaml.Node]:
    pairs = _pairs(document)
    return _items(_pairs(pairs["spec"][1]) if "spec" in pairs else pairs, "groups")


def _shape(name: str, documents: list[yaml.Node]) -> Iterator[Finding]:
    for document in documents:
        pairs = _pairs(document)
        inner = _pairs(pairs["spec"][1]) if "spec" in pairs else pairs
        if "groups" not in inner:
            yield Finding(name, document.start_mark.line + 1, "yaml", "", "no `groups`: this is no rule file")


def _twice(name: str, groups: list[yaml.Node]) -> Iterator[Finding]:
    seen = set()
    for group in groups:
        title = _scalar(_pairs(group), "name")
        if title in seen:
            yield Finding(name, group.start_mark.line + 1, "duplicate-group", "", f"two groups `{title}` in one file")
        seen.add(title)


def _scalar(pairs: dict[str, tuple[yaml.Node, yaml.Node]], key: str) -> str:
    node = pairs[key][1] if key in pairs else None
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _rules(name: str, group: yaml.Node) -> Iterator[Rule]:
    about = _pairs(group)
    every = _scalar(about, "interval")
    for node in _items(about, "rules"):
        pairs = _pairs(node)
        waits = _scalar(pairs, "for")
        yield Rule(
            file=name,
            group=_scalar(about, "name"),
            name=_scalar(pairs, "alert") or _scalar(pairs, "record"),
            is_alert="alert" in pairs,
            expr=_scalar(pairs, "expr"),
            lines={"": node.start_mark.line + 1, **_lines(pairs)},
            end=node.end_mark.line + 1,
            for_seconds=seconds_in(waits) if waits else None,
            every_seconds=seconds_in(every) if every else None,
            labels=_texts(pairs, "labels"),
            annotations=_texts(pairs, "annotations"),
        )


def _lines(pairs: dict[str, tuple[yaml.Node, yaml.Node]]) -> dict[str, int]:
    return {key: node.start_mark.line + 1 for key, (node, _) in pairs.items()}


def _texts(pairs: dict[str, tuple[yaml.Node, yaml.Node]], key: str) -> dict[str, str]:
    inner: dict[str, Any] = _pairs(pairs[key][1]) if key in pairs else {}
    return {name: str(value.value) for name, (_, value) in inner.items()}
