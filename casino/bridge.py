"""`casino bridge`: runs the bridge, and shows what it keeps: dead letters, and the story of one incident."""

import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from alerts.pagerduty.bridge import audit, ledger, letters, queue
from alerts.pagerduty.bridge.main import serve
from alerts.pagerduty.bridge.settings import Flags, UnusableError, settings_of
from alerts.pagerduty.bridge.store import connect
from casino.exits import FINDING, FINE, refuse
from gateway.spec.bridge import Bridge
from gateway.spec.load import load
from gateway.spec.problem import SpecErrors

FILE = "bridge.sqlite"
STATE = Path(Bridge().state)
MOST_KEYS = 20
MOST_NUMBER = 2**63 - 1
"""Of a letter, in SQLite."""


def run(path: Path, *, stage: str | None, flags: Flags) -> int:
    """Run the bridge of a spec; return the exit code."""
    try:
        return serve(settings_of(load(path, stage).spec, flags))
    except SpecErrors as refused:
        return refuse(refused.problems)
    except UnusableError as fault:
        return refuse([f"casino bridge: {fault}"])


def dead(state: Path, *, as_json: bool) -> int:
    """List dead letters; 1 if there are any."""
    return _ask(state, partial(_dead, as_json=as_json))


def _dead(connection: sqlite3.Connection, *, as_json: bool) -> int:
    found = tuple(letters.letters(connection))
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        for letter in found:
            print(
                f"{letter.id:>6}  {_written(letter.at)}  {letter.action:<10}  {letter.reason:<10}  {letter.target}  {letter.key}"
            )
            print(f"        {letter.said}")
    return FINDING if found else FINE


def requeue(state: Path, numbers: tuple[int, ...], *, every: bool) -> int:
    """Put dead letters back into the queue; 1 if one cannot be."""
    return _ask(state, partial(_requeue, numbers=numbers, every=every))


def _requeue(connection: sqlite3.Connection, *, numbers: tuple[int, ...], every: bool) -> int:
    chosen = tuple(letter.id for letter in letters.letters(connection)) if every else numbers
    connection.execute("BEGIN IMMEDIATE")
    done = {number: letters.requeue(connection, number, time.time()) for number in chosen if number <= MOST_NUMBER}
    connection.execute("COMMIT")
    for number in chosen:
        print(
            f"{number}: {'queued again' if done.get(number) else 'there is no such letter, or nothing in it to send'}"
        )
    return FINE if all(done.get(number) for number in chosen) else FINDING


def explain(state: Path, asked: str) -> int:
    """Tell the story of one incident; `asked` is its key, or a part of it."""
    return _ask(state, partial(_explain, asked=asked))


def _explain(connection: sqlite3.Connection, *, asked: str) -> int:
    rows = connection.execute(
        "SELECT DISTINCT key FROM audit WHERE key = ? OR (key != '' AND instr(lower(key), lower(?))) LIMIT ?",
        (asked, asked, MOST_KEYS),
    )
    keys = [row[0] for row in rows]
    if asked in keys:
        keys = [asked]
    if len(keys) != 1:
        print(
            *(keys or [f"casino bridge: nothing is known of {asked}"]),
            sep="\n",
            file=sys.stderr if not keys else sys.stdout,
        )
        return FINDING
    print(*_story(connection, keys[0]), sep="\n")
    return FINE


def _story(connection: sqlite3.Connection, key: str) -> list[str]:
    known = ledger.incident(connection, key)
    lines = [key]
    if known:
        state = f"open since {_written(known.starts_at)}" if known.is_open else f"ended {_written(known.ends_at)}"
        lines.append(f"{state}, told over {known.target}")
    lines += [
        f"waits: {queued.action.value} since {_written(queued.received_at)}, {queued.attempts} tries"
        for queued in queue.lane(connection, key)
    ]
    return lines + [
        f"{_written(row.at)}  {row.what:<12}  {row.target:<20}  {row.detail}" for row in audit.of(connection, key)
    ]


def _ask(state: Path, question: Callable[[sqlite3.Connection], int]) -> int:
    """Open what the bridge keeps, and return the exit code."""
    file = state / FILE
    try:
        if not file.is_file():
            return refuse([f"casino bridge: {file} does not exist; is it another `--state`?"])
        with closing(connect(file)) as connection:
            return question(connection)
    except (OSError, sqlite3.Error) as fault:
        return refuse([f"casino bridge: {file} cannot be used: {getattr(fault, 'strerror', None) or fault}"])


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
