"""Puts the checks together: files in, findings out, those with a reasoned suppression left out."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from promql_parser import Expr

from alerts.lint import bundle, habits, meaning, series
from alerts.lint.bundle import Inhibition, Parsed
from alerts.lint.finding import CHECKS, Finding
from alerts.lint.inventory import Inventory, Known, catalogue
from alerts.lint.series import Bounds
from alerts.lint.source import Rule, Source, Suppression, read
from alerts.lint.tree import labels, parsed_from

_OF_ALL_FILES = frozenset(("unknown-metric", "unused-recording", "suppression"))
"""Checks that one file may fail because of what another one says."""


class Surroundings(Struct, frozen=True):
    """What the rules live in."""

    inventory: Inventory = catalogue()
    bounds: Bounds = Bounds()
    inhibits: tuple[Inhibition, ...] = ()
    is_whole: bool = True
    """Whether no file is missing that should be judged with the others: what only those could tell is not judged then."""


def lint(files: Mapping[str, str], where: Surroundings | None = None) -> list[Finding]:
    """Judge rule files by name, all together; return what is wrong, in the order of files and lines."""
    where = where or Surroundings()
    sources = [read(name, text) for name, text in files.items()]
    findings = [finding for source in sources for finding in source.findings]
    parsed: list[Parsed] = []
    for rule in (rule for source in sources for rule in source.rules):
        try:
            parsed.append((rule, parsed_from(rule.expr)))
        except ValueError as error:
            parsed.append((rule, None))
            findings.append(rule.found("syntax", str(error).partition("\n")[0] or "it is empty"))
    inventory = _recorded(parsed, where.inventory)
    for rule, expr in parsed:
        findings += _of_rule(rule, expr, inventory, where.bounds)
    findings += bundle.check(parsed, inventory, where.inhibits)
    order = {name: place for place, name in enumerate(files)}
    kept = [each for source in sources for each in _unsuppressed(source, findings)]
    if not where.is_whole:
        kept = [each for each in kept if each.check not in _OF_ALL_FILES]
    return sorted(dict.fromkeys(kept), key=lambda each: (order[each.file], each))


def _of_rule(rule: Rule, expr: Expr | None, inventory: Inventory, bounds: Bounds) -> Iterator[Finding]:
    yield from habits.check(rule, expr, inventory)
    if expr is not None:
        yield from meaning.check(rule, expr)
        yield from series.check(rule, expr, inventory, bounds)


def _recorded(parsed: list[Parsed], inventory: Inventory) -> Inventory:
    """Know what the files record, in their order, so that one recording may stand on another."""
    for rule, expr in parsed:
        if not rule.is_alert and expr is not None and rule.name not in inventory.series:
            have = labels(expr, inventory)
            known = Known("unknown", None if have is None else have | rule.labels.keys())
            inventory = inventory.with_more({rule.name: known})
    return inventory


def _unsuppressed(source: Source, findings: list[Finding]) -> Iterator[Finding]:
    mine = [finding for finding in findings if finding.file == source.name]
    valid = [each for each in source.suppressions if each.reason and each.check in CHECKS]
    used = set()
    for finding in mine:
        by = next((each for each in valid if each.check == finding.check and _covers(each, finding, source)), None)
        if by is None or finding.check == "suppression":
            yield finding
        else:
            used.add(by)
    for each in valid:
        if each not in used:
            yield Finding(source.name, each.line, "suppression", "", f"`{each.check}` is not found here any more")


def _covers(suppression: Suppression, finding: Finding, source: Source) -> bool:
    """A comment covers the rule it stands in or directly above."""
    return suppression.whole_file or _rule_at(source, finding.line) is _rule_at(source, suppression.of)


def _rule_at(source: Source, line: int) -> Rule | None:
    """The last rule that begins at or before a line."""
    return max((rule for rule in source.rules if rule.line("") <= line), key=lambda rule: rule.line(""), default=None)
