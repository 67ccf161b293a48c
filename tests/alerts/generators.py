"""Wrong generators made of the right one: a number, operator or comparison changed in alerts/burn.py or alerts/objectives.py,
and what rules it then writes.
"""

import ast
import builtins
import inspect
from collections.abc import Iterator
from types import ModuleType

import yaml

from alerts import burn, objectives
from alerts.promise import Promise
from alerts.text import rules_file
from gateway.spec.alerting import Alerts
from tests.alerts.mutants import Mutant, parses

OPERATORS = {"Add": "-", "Sub": "+", "Mult": "/", "Div": "*", "BitAnd": "|", "BitOr": "&"}
COMPARISONS = {"Gt": (">=", "<"), "GtE": (">",), "Lt": ("<=", ">"), "LtE": ("<",), "Eq": ("!=",), "Is": ("is not",)}
NAMES = {"min": "max", "max": "min"}
WRITTEN = {"Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "BitAnd": "&", "BitOr": "|", "Gt": ">", "GtE": ">=", "Lt": "<",
           "LtE": "<=", "Eq": "==", "Is": "is"}  # fmt: skip
Change = tuple[int, int, str]
"""From one offset of a source to another, and what stands there instead."""


def changes(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield what was changed and the source that has it, for each change of a module."""
    source = inspect.getsource(module)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    name, text = module.__name__.rpartition(".")[2], source.encode()
    for line, (start, end, new) in _changes(text, starts):
        before, old, after = (
            part.decode() for part in (text[starts[line - 1] : start], text[start:end], text[end : starts[line]])
        )
        about = f"{name}: {before.lstrip()}[{old} -> {new}]{after.rstrip()}"
        yield about, (text[:start] + new.encode() + text[end:]).decode()


def _changes(source: bytes, starts: list[int]) -> Iterator[tuple[int, Change]]:
    for node in _acting(ast.parse(source)):
        if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            for new in _numbers(node.value):
                yield node.lineno, (start, end, new)
        elif isinstance(node, ast.BinOp) and (new := OPERATORS.get(type(node.op).__name__)):
            yield node.lineno, _between(source, starts, node, type(node.op).__name__, new)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            kind = type(node.ops[0]).__name__
            for new in COMPARISONS.get(kind, ()):
                yield node.lineno, _between(source, starts, node, kind, new)
        elif isinstance(node, ast.Name) and node.id in NAMES:
            start = starts[node.lineno - 1] + node.col_offset
            yield node.lineno, (start, start + len(node.id), NAMES[node.id])


def _acting(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk through what is done, and leave out what only names types."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns"}:
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield node
                yield from _acting(node)


def _numbers(value: float) -> tuple[str, ...]:
    if isinstance(value, int) and value < 100:
        return (str(value + 1), str(value - 1))
    return (f"{value * 1.25:g}", f"{value * 0.75:g}") if value else ("1.0",)


def _between(source: bytes, starts: list[int], node: ast.BinOp | ast.Compare, kind: str, new: str) -> Change:
    left, right = node.left, node.right if isinstance(node, ast.BinOp) else node.comparators[0]
    begin = starts[left.end_lineno - 1] + left.end_col_offset
    end = starts[right.lineno - 1] + right.col_offset
    start = begin + source[begin:end].index(WRITTEN[kind].encode())
    return start, start + len(WRITTEN[kind]), new


def wrong_rules(promise: Promise) -> Iterator[tuple[str, list[dict]]]:
    """Yield what is wrong with a generator, and the rules that it writes; those that fail to write any are left out."""
    for module in (burn, objectives):
        for about, source in changes(module):
            try:
                yield about, _written({module.__name__: source}, promise)
            except (TypeError, ZeroDivisionError):  # what fits no types, or divides by 0
                continue


def _written(sources: dict[str, str], promise: Promise) -> list[dict]:
    wrong_burn = _run("alerts.burn", sources["alerts.burn"], {}) if "alerts.burn" in sources else burn
    source = sources.get("alerts.objectives", inspect.getsource(objectives))
    module = _run("alerts.objectives", source, {"alerts.burn": wrong_burn})
    document = yaml.safe_load(rules_file(module.groups(promise), Alerts()))
    return [rule for group in document["groups"] for rule in group["rules"]]


def _run(name: str, source: str, instead: dict[str, ModuleType]) -> ModuleType:
    """Run a module's source beside the real one, importing some other modules instead of the real ones."""

    def importing(wanted: str, *more: object) -> ModuleType:
        return instead[wanted] if wanted in instead else builtins.__import__(wanted, *more)

    module = ModuleType(name)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
    exec(compile(source, f"<{name}, changed>", "exec"), module.__dict__)
    return module


def mutant(about: str, right: list[dict], wrong: list[dict]) -> Mutant | None:
    """Return what a wrong generator makes of the right rules; None if it writes the same, or what promtool would not read."""
    by_name = {_identity(rule): rule for rule in wrong}
    changed = {}
    for place, rule in enumerate(right):
        other = by_name.get(_identity(rule), {**rule, "expr": "vector(1) == 0"})
        if _read(other) != _read(rule):
            changed[place] = other
    return Mutant(about, changed) if changed and all(parses(rule["expr"]) for rule in changed.values()) else None


def _identity(rule: dict) -> tuple[str, str]:
    return rule.get("record") or rule["alert"], rule.get("labels", {}).get("tier", "")


def _read(rule: dict) -> dict:
    """What Prometheus acts by."""
    return {name: value for name, value in rule.items() if name != "annotations"}
