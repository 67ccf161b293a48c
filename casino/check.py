"""`casino check`: tells everything that is wrong with a spec, and shows what it means."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec
from msgspec import Struct

from casino.certificates import judge, now
from casino.exits import FINDING, FINE, UNUSABLE
from casino.explain import CLIENT, BadRequestLineError, Outcome, foretell, in_words, parse_question
from casino.own import OwnAlertsError, own
from casino.paint import Paint
from gateway.spec.dump import dump
from gateway.spec.load import Loaded, load
from gateway.spec.moment import unix_seconds
from gateway.spec.problem import Danger, Fault, Problem, Severity, SpecErrors, error, in_order, warning


class Wish(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    path: Path
    stage: str | None = None
    strict: bool = False
    as_json: bool = False
    show: bool = False
    defaults: bool = False
    request: str | None = None
    headers: tuple[str, ...] = ()
    client: str = CLIENT


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole result, as `--json` prints it."""

    ok: bool
    errors: int
    warnings: int
    problems: tuple[Problem, ...]
    sources: tuple[str, ...] = ()
    outcome: Outcome | None = None


def check(wish: Wish) -> int:
    """Check a spec and print the findings; return the exit code."""
    try:
        question = parse_question(wish.request, list(wish.headers), wish.client) if wish.request is not None else None
    except BadRequestLineError as reason:
        print(f"casino check: {reason}", file=sys.stderr)
        return UNUSABLE
    try:
        loaded = load(wish.path, wish.stage)
    except SpecErrors as refused:
        _tell(wish, refused.problems, None, None)
        return UNUSABLE if refused.unreadable else FINDING
    outcome = foretell(loaded.spec, question) if question else None
    problems = in_order(
        [*loaded.warnings, *judge(loaded.spec, loaded.tree, now()), *_expired_keys(loaded), *_callers_files(loaded)]
    )
    try:
        own(loaded.spec)
    except OwnAlertsError as refused:
        where = loaded.tree.place(("alerts", "own"))
        problems = in_order([*problems, error(Fault.BAD_VALUE, where, str(refused))])
    _tell(wish, problems, loaded, outcome)
    errors, warnings = _counts(problems)
    return FINDING if errors or (wish.strict and warnings) else FINE


def _expired_keys(loaded: Loaded) -> Iterator[Problem]:
    """Find API keys that are refused by now: only a clock can tell."""
    for name, consumer in loaded.spec.consumers.items():
        for place, key in enumerate(consumer.keys):
            if key.expires is not None and unix_seconds(key.expires) <= now().timestamp():
                where = loaded.tree.place(("consumers", name, "keys", place, "expires"))
                yield warning(Danger.KEY_EXPIRED, where, f"this key of `{name}` is refused since {key.expires}")


def _callers_files(loaded: Loaded) -> Iterator[Problem]:
    """Find files of the bridge's callers that this machine cannot show: they may well be on theirs alone."""
    for name, file in msgspec.structs.asdict(loaded.spec.bridge.callers).items():
        if file is not None and not _is_readable(file):
            where = loaded.tree.value_place(("bridge", "callers", name))
            message = (
                f"`{file}` is no file that can be read here: Alertmanager, Prometheus and a peer need it where they run"
            )
            yield warning(Danger.BRIDGE_NO_FILE, where, message)


def _is_readable(file: str) -> bool:
    try:
        return Path(file).is_file() and os.access(file, os.R_OK)
    except OSError:  # its folder may not be searched
        return False


def _tell(wish: Wish, problems: tuple[Problem, ...], loaded: Loaded | None, outcome: Outcome | None) -> None:
    if wish.as_json:
        print(msgspec.json.format(msgspec.json.encode(_verdict(wish, problems, loaded, outcome)), indent=2).decode())
        return
    asked = wish.show or wish.request is not None
    stream = sys.stderr if asked else sys.stdout
    _print_problems(wish, problems, loaded, stream)
    if loaded is not None and wish.show:
        print(dump(loaded.spec, defaults=wish.defaults), end="")
    if outcome is not None:
        print(in_words(outcome))


def _verdict(wish: Wish, problems: tuple[Problem, ...], loaded: Loaded | None, outcome: Outcome | None) -> Verdict:
    errors, warnings = _counts(problems)
    return Verdict(
        ok=not errors and not (wish.strict and warnings),
        errors=errors,
        warnings=warnings,
        problems=problems,
        sources=tuple(map(str, loaded.sources)) if loaded else (),
        outcome=outcome,
    )


def _counts(problems: tuple[Problem, ...]) -> tuple[int, int]:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    return errors, len(problems) - errors


def _print_problems(wish: Wish, problems: tuple[Problem, ...], loaded: Loaded | None, stream: TextIO) -> None:
    paint = Paint(stream)
    for problem in problems:
        print(paint.problem(problem), file=stream)
    if problems or not (wish.show or wish.request is not None):
        print(_summary(wish, problems, loaded), file=stream)


def _summary(wish: Wish, problems: tuple[Problem, ...], loaded: Loaded | None) -> str:
    errors, warnings = _counts(problems)
    counts = [_count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    if loaded is None:
        return f"{wish.path}: {', '.join(counts)}"
    size = f"{_count(len(loaded.spec.routes), 'route')}, {_count(len(loaded.spec.upstreams), 'upstream')}"
    return f"{wish.path}: {', '.join(counts) if counts else 'fine'} ({size})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
