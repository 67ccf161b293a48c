"""`casino bridge`: runs the bridge, and shows what it keeps: dead letters, and the story of one incident."""

import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from alerts.pagerduty.bridge import audit, ledger, letters, queue
from alerts.pagerduty.bridge.main import serve
from alerts.pagerduty.bridge.settings import Flags, UnusableError, settings_of
from alerts.pagerduty.bridge.store import connect
from casino.exits import FINDING, FINE, UNUSABLE, refuse
from gateway.spec.bridge import Bridge
from gateway.spec.load import load
from gateway.spec.problem import SpecErrors

FILE = "bridge.sqlite"
STATE = Path(Bridge().state)
MOST_KEYS = 20


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
    if not (file := _file(state)):
        return UNUSABLE
    with closing(connect(file)) as connection:
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
    if not (file := _file(state)):
        return UNUSABLE
    with closing(connect(file)) as connection:
        chosen = tuple(letter.id for letter in letters.letters(connection)) if every else numbers
        connection.execute("BEGIN IMMEDIATE")
        done = {number: letters.requeue(connection, number, time.time()) for number in chosen}
        connection.execute("COMMIT")
    for number, is_done in done.items():
        print(f"{number}: {'queued again' if is_done else 'there is no such letter, or nothing in it to send'}")
    return FINE if all(done.values()) else FINDING


def explain(state: Path, asked: str) -> int:
    """Tell the story of one incident; `asked` is its key, or a part of it."""
    if not (file := _file(state)):
        return UNUSABLE
    with closing(connect(file)) as connection:
        like = f"%{asked.replace('%', '').replace('_', '')}%" if asked else "%"
        rows = connection.execute(
            "SELECT DISTINCT key FROM audit WHERE key = ? OR key LIKE ? LIMIT ?", (asked, like, MOST_KEYS)
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


def _file(state: Path) -> Path | None:
    file = state / FILE
    if file.is_file():
        return file
    print(f"casino bridge: {file} does not exist; is it another `--state`?", file=sys.stderr)
    return None


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
