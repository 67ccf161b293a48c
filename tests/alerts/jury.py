"""Tries many mutants in one run of promtool, since each run costs seconds: they stand beside the right rules under names
of their own, read the same series, and are asked what the right ones are asked.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from tests.alerts.mutants import Mutant

FAILED = re.compile(r'expr: "((?:[^"\\]|\\.)*)", time')
BROKEN = re.compile(r"rule: (\S+?),")
NUMBERED = re.compile(r"_m(\d+)\b")
MOST_SECONDS = 400


class Jury:
    """One rule file and the tests that judge it."""

    def __init__(self, rules: str, folder: Path = Path()) -> None:
        document = yaml.safe_load(rules)
        self.groups = [(group["name"], len(group["rules"])) for group in document["groups"]]
        self.rules = [rule for group in document["groups"] for rule in group["rules"]]
        self.folder = folder

    def survivors(self, mutants: Iterable[Mutant], tests: Iterable[str]) -> list[Mutant]:
        """Return those that pass every test."""
        alive = dict(enumerate(mutants))
        for text in tests:
            file = yaml.safe_load(text)
            for part in self._parts(file):
                self._try(alive, part)
        return list(alive.values())

    def asked_of(self, exprs: Iterable[str]) -> str:
        """Write the rules that these expressions are about, and those they read: the others cost time and say nothing."""
        places = {place for expr in exprs for place, rule in enumerate(self.rules) if _is_about(expr, rule)}
        places |= self._needed({0: {place: self.rules[place] for place in places}})
        groups, first = [], 0
        for name, count in self.groups:
            kept = [self.rules[at] for at in range(first, first + count) if at in places]
            groups.append({"name": name, "rules": kept})
            first += count
        return yaml.safe_dump({"groups": groups})

    def _parts(self, file: dict) -> Iterator[dict]:
        """One file for the tests of each alert: they need no other rules."""
        by_alert: dict[str, list[dict]] = {}
        for test in file["tests"]:
            by_alert.setdefault(test["name"].partition(":")[0], []).append(test)
        return ({**file, "tests": tests} for tests in by_alert.values())

    def _try(self, alive: dict[int, Mutant], file: dict) -> None:
        copies = {number: self._copies(number, mutant) for number, mutant in alive.items()}
        while True:
            asked: dict[int, set[int]] = {}
            tests = [self._asked(test, copies, asked) for test in file["tests"]]
            if not asked:
                return
            needed = {number: _leading_to(places, copies[number]) for number, places in asked.items()}
            self._write({**file, "tests": [test for test in tests if test["promql_expr_test"]]}, needed)
            said = self._run()
            broken = {int(n) for name in BROKEN.findall(said) for n in NUMBERED.findall(name)}
            failed = {int(n) for expr in FAILED.findall(said) for n in NUMBERED.findall(expr)}
            assert broken or failed or "FAILED" not in said, said[:2000]
            for number in broken | failed:
                alive.pop(number, None)
                copies.pop(number, None)
            if not broken:
                return

    def _copies(self, number: int, mutant: Mutant) -> dict[int, dict]:
        """The changed rules, and all that rest on them, under names of their own."""
        names = {
            rule["record"] for place, rule in enumerate(self.rules) if place in mutant.changed and "record" in rule
        }
        places = set(mutant.changed)
        while True:
            more = {place for place, rule in enumerate(self.rules) if place not in places and _reads(rule, names)}
            if not more:
                break
            places |= more
            names |= {self.rules[place]["record"] for place in more if "record" in self.rules[place]}
        return {
            place: _renamed(mutant.changed.get(place, self.rules[place]), names, number) for place in sorted(places)
        }

    def _asked(self, test: dict, copies: dict[int, dict[int, dict]], asked: dict[int, set[int]]) -> dict:
        """Put the questions to every mutant that has the rule they are about; `asked` learns which rules those are."""
        fed = {series["series"].partition("{")[0] for series in test["input_series"]}
        put = []
        for number, each in copies.items():
            for ask in test["promql_expr_test"]:
                place = self._meant(ask["expr"], each)
                # A mutant that records anew what the test feeds would be asked without it.
                if place is None or any(f"{name}_m{number}" in each[place]["expr"] for name in fed):
                    continue
                asked.setdefault(number, set()).add(place)
                put.append(self._of(ask, self.rules[place], number))
        return {**test, "promql_expr_test": put}

    def _meant(self, expr: str, copies: dict[int, dict]) -> int | None:
        """Return the place of the rule that a question is about, if it is among the copies."""
        return next((place for place in copies if _is_about(expr, self.rules[place])), None)

    def _of(self, ask: dict, rule: dict, number: int) -> dict:
        if "alert" in rule:
            return _put(ask, f'alertname="{rule["alert"]}"', f'alertname="{rule["alert"]}_m{number}"')
        return _put(ask, rule["record"], f"{rule['record']}_m{number}")

    def _write(self, file: dict, copies: dict[int, dict[int, dict]]) -> None:
        fed = {series["series"].partition("{")[0] for test in file["tests"] for series in test["input_series"]}
        needed = {place for place in self._needed(copies) if self.rules[place].get("record") not in fed}
        groups, place = [], 0
        for name, count in self.groups:
            rules = []
            for at in range(place, place + count):
                rules += [self.rules[at]] if at in needed else []
                rules += [each[at] for each in copies.values() if at in each]
            place += count
            groups.append({"name": name, "rules": rules})
        (self.folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
        (self.folder / "tests.yaml").write_text(yaml.safe_dump({**file, "rule_files": ["rules.yaml"]}))

    def _needed(self, copies: dict[int, dict[int, dict]]) -> set[int]:
        """Right rules that the mutants read."""
        needed: set[int] = set()
        texts = [rule["expr"] for each in copies.values() for rule in each.values()]
        while texts:
            expr = texts.pop()
            for place, rule in enumerate(self.rules):
                if place not in needed and "record" in rule and _mentions(expr, rule["record"]):
                    needed.add(place)
                    texts.append(rule["expr"])
        return needed

    def _run(self) -> str:
        done = subprocess.run(
            ["promtool", "test", "rules", "tests.yaml"],
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=MOST_SECONDS,
        )  # fmt: skip
        return done.stdout + done.stderr


def _leading_to(asked: set[int], copies: dict[int, dict]) -> dict[int, dict]:
    """Of a mutant's copies those that are asked, and those they read."""
    found: set[int] = set()
    left = set(asked)
    while left:
        place = left.pop()
        found.add(place)
        left |= {
            other
            for other, rule in copies.items()
            if other not in found and "record" in rule and _mentions(copies[place]["expr"], rule["record"])
        }
    return {place: rule for place, rule in copies.items() if place in found}


def _is_about(expr: str, rule: dict) -> bool:
    """Whether an expression asks for a recorded series, or for an alert; one without a name asks for all."""
    if "record" in rule:
        return _mentions(expr, rule["record"])
    names = re.search(r'alertname="(\w+)"', expr), re.search(r'tier="([\w-]+)"', expr)
    has = rule["alert"], rule.get("labels", {}).get("tier")
    return "ALERTS" in expr and all(name is None or name[1] == own for name, own in zip(names, has, strict=True))


def _mentions(expr: str, name: str) -> bool:
    return re.search(rf"(?<![\w:]){re.escape(name)}(?![\w:])", expr) is not None


def _reads(rule: dict, names: set[str]) -> bool:
    return any(_mentions(rule["expr"], name) for name in names)


def _renamed(rule: dict, names: set[str], number: int) -> dict:
    expr = rule["expr"]
    for name in names:
        expr = re.sub(rf"(?<![\w:]){re.escape(name)}(?![\w:])", f"{name}_m{number}", expr)
    key = "alert" if "alert" in rule else "record"
    bare = {name: value for name, value in rule.items() if name != "annotations"}
    return {**bare, "expr": expr, key: f"{rule[key]}_m{number}"}


def _put(ask: dict, old: str, new: str) -> dict:
    samples = [{**sample, "labels": sample["labels"].replace(old, new)} for sample in ask["exp_samples"]]
    return {**ask, "expr": ask["expr"].replace(old, new), "exp_samples": samples}
