"""Wrong rules made of right ones: one threshold, operator, window, `for` or label changed at a time."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import promql_parser

SWAPS = (
    (" > ", " >= "), (" > ", " < "), (" >= ", " > "), (" < ", " > "), (" <= ", " < "), (" == ", " != "),
    ("\nand ", "\nor "), ("\nor ", "\nand "), (" and ", " or "),
    (" / ", " * "), (" + ", " - "), (" - ", " + "), (" * ", " / "),
    ("max by", "min by"), ("min by", "max by"), ("sum by", "max by"), ("sum(", "max("), ("count by", "sum by"),
    ("max_over_time", "min_over_time"), ("min_over_time", "max_over_time"), ("avg_over_time", "max_over_time"),
    ("rate(", "increase("), ("increase(", "rate("),
)  # fmt: skip
NUMBER = re.compile(r"(?<=[>=<] )\d+(?:\.\d+)?|\d+(?:\.\d+)?(?= \*)|(?<=, )0(?=\))|(?<=quantile\()[\d.]+")
RANGE = re.compile(r"(?<=\[)(\d+)(?=[smhd]\])")
OFFSET = re.compile(r"(?<=offset )(\d+)(?=[smhd])")
MATCHER = re.compile(r'(=~|!~|!=|=)("(?:[^"\\]|\\.)*")')
KEPT = re.compile(r"by \(([\w, ]+)\)")
NEGATED = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}


class Mutant(NamedTuple):
    """A bundle that is wrong at some rules, and what was changed."""

    about: str
    changed: dict[int, dict]
    """Rules by their place among all rules of a file."""


def of_rules(rules: list[dict]) -> Iterator[Mutant]:
    """Yield every mutant of a file's rules."""
    for place, rule in enumerate(rules):
        name = rule.get("alert") or rule["record"]
        for what, changed in _of_rule(rule):
            yield Mutant(f"{name} {rule.get('labels', {}).get('tier', '')}: {what}", {place: changed})


def _of_rule(rule: dict) -> Iterator[tuple[str, dict]]:
    for label in rule.get("labels", {}):
        yield f"label {label}", {**rule, "labels": {**rule["labels"], label: "mutated"}}
    if "for" in rule:
        twice = re.sub(r"\d+", lambda count: str(2 * int(count[0])), rule["for"])
        yield f"for {twice}", {**rule, "for": twice}
        yield "no for", {key: value for key, value in rule.items() if key != "for"}
    elif "alert" in rule:
        yield "for 15m", {**rule, "for": "15m"}
    for what, expr in _of_expr(rule["expr"]):
        if expr != rule["expr"] and parses(expr):
            yield what, {**rule, "expr": expr}


def _of_expr(expr: str) -> Iterator[tuple[str, str]]:
    for old, new in SWAPS:
        for match in re.finditer(re.escape(old), expr):
            if not re.match(r"\w", expr[match.start() - 1 : match.start()]) or not old[0].isalpha():
                yield _replaced(expr, match, new)
    yield from _of_numbers(expr)
    for match in MATCHER.finditer(expr):
        yield _replaced(expr, match, match[1] + '"nothing"')
        yield _replaced(expr, match, NEGATED[match[1]] + match[2])
    for match in KEPT.finditer(expr):
        labels = match[1].split(", ")
        for label in labels:
            rest = ", ".join(each for each in labels if each != label)
            yield _replaced(expr, match, f"by ({rest})")


def _of_numbers(expr: str) -> Iterator[tuple[str, str]]:
    for match in NUMBER.finditer(expr):
        value = float(match[0])
        for new in (value * 1.25, value * 0.75) if value else (1.0,):
            yield _replaced(expr, match, f"{new:g}")
    for match in (*RANGE.finditer(expr), *OFFSET.finditer(expr)):
        for factor in (2, 3):
            yield _replaced(expr, match, str(int(match[0]) * factor))


def _replaced(expr: str, match: re.Match[str], new: str) -> tuple[str, str]:
    start, end = match.span()
    before, after = expr[max(0, start - 24) : start], expr[end : end + 12]
    return f"{before}[{match[0].strip()} -> {new.strip()}]{after}".replace("\n", " "), expr[:start] + new + expr[end:]


def parses(expr: str) -> bool:
    """Whether Prometheus reads it."""
    try:
        promql_parser.parse(expr)
    except ValueError:
        return False
    return True
