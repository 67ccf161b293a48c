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

    def __init__(self, rules: str, folder: Path) -> None:
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

    def _parts(self, file: dict) -> Iterator[dict]:
        """One file for the tests of each alert: they need no other rules."""
        by_alert: dict[str, list[dict]] = {}
        for test in file["tests"]:
            by_alert.setdefault(test["name"].partition(":")[0], []).append(test)
        return ({**file, "tests": tests} for tests in by_alert.values())

    def _try(self, alive: dict[int, Mutant], file: dict) -> None:
        copies = {number: self._copies(number, mutant) for number, mutant in alive.items()}
        while True:
            tests = [self._asked(test, alive, copies) for test in file["tests"]]
            asked = {
                int(n) for test in tests for ask in test["promql_expr_test"] for n in NUMBERED.findall(ask["expr"])
            }
            if not asked:
                return
            self._write({**file, "tests": tests}, {number: copies[number] for number in asked})
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

    def _asked(self, test: dict, alive: dict[int, Mutant], copies: dict[int, dict[int, dict]]) -> dict:
        put = (self._of(ask, number, copies[number]) for number in alive for ask in test["promql_expr_test"])
        return {**test, "promql_expr_test": [ask for ask in put if ask]}

    def _of(self, ask: dict, number: int, copies: dict[int, dict]) -> dict | None:
        """Put the question to a mutant, if it is about a rule that the mutant has."""
        alert = re.search(r'alertname="(\w+)"', ask["expr"])
        tier = re.search(r'tier="([\w-]+)"', ask["expr"])
        for place in copies:
            rule = self.rules[place]
            if alert and rule.get("alert") == alert[1]:
                if not tier or rule.get("labels", {}).get("tier") == tier[1]:
                    return _put(ask, f'alertname="{alert[1]}"', f'alertname="{alert[1]}_m{number}"')
            elif not alert and "record" in rule and _mentions(ask["expr"], rule["record"]):
                return _put(ask, rule["record"], f"{rule['record']}_m{number}")
        return None

    def _write(self, file: dict, copies: dict[int, dict[int, dict]]) -> None:
        needed = self._needed(copies)
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
