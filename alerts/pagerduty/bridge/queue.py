"""The queue on disk: events in lanes, one lane for each incident, each lane in its order.

Every function is a change or a question for the store; none commits, and none decides what an event means.
"""

import sqlite3
from collections.abc import Collection, Iterator

import msgspec
from msgspec import Struct

from alerts.pagerduty.core.alert import Alert
from alerts.pagerduty.core.event import Notice
from alerts.pagerduty.core.intake import Action
from alerts.pagerduty.core.storm import Waiting

CLOCK_SECONDS = 600.0
"""A wait longer than any we set: the clock was put back, and the event is due."""
_COLUMNS = "id, target, key, action, rank, name, starts_at, received_at, attempts, is_doubtful, is_fallback, body"


class Entry(Struct, frozen=True, kw_only=True):
    """An event to be queued."""

    target: str
    key: str
    action: Action
    rank: int
    name: str
    starts_at: float
    body: bytes
    is_doubtful: bool = False
    is_fallback: bool = False


class Queued(Entry, frozen=True, kw_only=True):
    """An event that waits."""

    id: int
    received_at: float
    attempts: int

    @property
    def alert(self) -> Alert:
        return msgspec.json.decode(self.body, type=Alert)

    @property
    def notice(self) -> Notice:
        return msgspec.json.decode(self.body, type=Notice)


class Depth(Struct, frozen=True):
    """What waits for one routing key."""

    events: int
    oldest_at: float


def put(connection: sqlite3.Connection, entry: Entry, now: float) -> None:
    """Append an event to its lane."""
    connection.execute(
        "INSERT INTO queue (target, key, action, rank, name, starts_at, received_at, is_doubtful, is_fallback, is_head,"
        " body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NOT EXISTS (SELECT 1 FROM queue WHERE key = ? AND target = ?), ?)",
        (
            entry.target, entry.key, entry.action.value, entry.rank, entry.name, entry.starts_at, now, entry.is_doubtful,
            entry.is_fallback, entry.key, entry.target, entry.body,
        ),
    )  # fmt: skip


def due(connection: sqlite3.Connection, target: str, now: float, besides: Collection[int]) -> Queued | None:
    """Return what is sent next for a routing key: of the lanes' heads the most urgent, of those the oldest."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM queue WHERE target = ? AND is_head AND (not_before <= ? OR not_before > ?)"  # noqa: S608 - our own columns
        " ORDER BY rank, id LIMIT ?",
        (target, now, now + CLOCK_SECONDS, len(besides) + 1),
    )
    return next((queued for queued in map(_queued, rows) if queued.id not in besides), None)


def remove(connection: sqlite3.Connection, queued: Entry, id_: int) -> bool:
    """Take an event out; the next of its lane becomes the head. Returns False if it was not there any more."""
    gone = connection.execute("DELETE FROM queue WHERE id = ?", (id_,)).rowcount == 1
    lead(connection, queued.key, queued.target)
    return gone


def lead(connection: sqlite3.Connection, key: str, target: str) -> None:
    """Let the oldest event of a lane be its head."""
    connection.execute(
        "UPDATE queue SET is_head = 1 WHERE id = (SELECT min(id) FROM queue WHERE key = ? AND target = ?)",
        (key, target),
    )


def tried(connection: sqlite3.Connection, id_: int) -> None:
    """Count a try that begins."""
    connection.execute("UPDATE queue SET attempts = attempts + 1 WHERE id = ?", (id_,))


def postpone(connection: sqlite3.Connection, id_: int, until: float) -> None:
    """Leave an event, and with it its lane, alone for a while."""
    connection.execute("UPDATE queue SET not_before = ? WHERE id = ?", (until, id_))


def hurry(connection: sqlite3.Connection, target: str) -> None:
    """Let everything of a routing key be due: PagerDuty is back."""
    connection.execute("UPDATE queue SET not_before = 0 WHERE target = ? AND is_head AND not_before > 0", (target,))


def reword(connection: sqlite3.Connection, key: str, body: bytes) -> bool:
    """Let the trigger of an incident that waits and was never tried say something else. False if there is none."""
    return (
        connection.execute(
            "UPDATE queue SET body = ? WHERE id = (SELECT max(id) FROM queue WHERE key = ? AND action = 'trigger'"
            " AND attempts = 0)",
            (body, key),
        ).rowcount
        == 1
    )


def fall_back(connection: sqlite3.Connection, id_: int) -> None:
    """Let an event be sent in its least form."""
    connection.execute("UPDATE queue SET is_fallback = 1, not_before = 0 WHERE id = ?", (id_,))


def move(connection: sqlite3.Connection, key: str, old: str, new: str) -> None:
    """Let a lane go on with another routing key."""
    connection.execute("UPDATE queue SET target = ?, not_before = 0 WHERE key = ? AND target = ?", (new, key, old))
    connection.execute("UPDATE queue SET is_head = 0 WHERE key = ? AND target = ?", (key, new))
    lead(connection, key, new)


def is_waiting(connection: sqlite3.Connection, key: str) -> bool:
    """Say whether anything of an incident waits."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM queue WHERE key = ?)", (key,)).fetchone()[0])


def targets(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the names of routing keys for which something waits."""
    rows = connection.execute(
        "WITH RECURSIVE each (target) AS (SELECT min(target) FROM queue UNION ALL"
        " SELECT (SELECT min(target) FROM queue WHERE target > each.target) FROM each WHERE target IS NOT NULL)"
        " SELECT target FROM each WHERE target IS NOT NULL"
    )
    return tuple(row[0] for row in rows)


def depths(connection: sqlite3.Connection) -> dict[str, Depth]:
    """Return what waits, by routing key's name."""
    rows = connection.execute("SELECT target, count(*), min(received_at) FROM queue GROUP BY target")
    return {target: Depth(count, oldest) for target, count, oldest in rows}


def waiting_triggers(connection: sqlite3.Connection, target: str) -> tuple[Waiting, ...]:
    """Count the triggers that wait for a routing key, but for the bridge's own."""
    rows = connection.execute(
        "SELECT name, rank, count(*) FROM queue WHERE target = ? AND action = 'trigger' AND rank > 0 GROUP BY rank, name",
        (target,),
    )
    return tuple(Waiting(*row) for row in rows)


def over_untold(connection: sqlite3.Connection, target: str, rank: int, most: int) -> tuple[Queued, ...]:
    """Return triggers, less urgent than a rank and never tried, behind which their own resolve waits already."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM queue AS first WHERE target = ? AND is_head AND rank > ? AND attempts = 0"  # noqa: S608 - our own columns
        " AND action = 'trigger' AND (SELECT action FROM queue WHERE key = first.key AND target = first.target"
        " AND id > first.id ORDER BY id LIMIT 1) = 'resolve' LIMIT ?",
        (target, rank, most),
    )
    return tuple(map(_queued, rows))


def lane(connection: sqlite3.Connection, key: str) -> Iterator[Queued]:
    """Yield what waits of one incident, in order."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM queue WHERE key = ? ORDER BY id", (key,))  # noqa: S608 - our own columns
    return map(_queued, rows)


def older_than(connection: sqlite3.Connection, moment: float, most: int) -> tuple[Queued, ...]:
    """Return events that were received before a moment."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM queue WHERE received_at < ? ORDER BY id LIMIT ?",  # noqa: S608 - our own columns
        (moment, most),
    )
    return tuple(map(_queued, rows))


def _queued(row: sqlite3.Row) -> Queued:
    return Queued(
        id=row["id"], target=row["target"], key=row["key"], action=Action(row["action"]), rank=row["rank"],
        name=row["name"], starts_at=row["starts_at"], received_at=row["received_at"], attempts=row["attempts"],
        is_doubtful=bool(row["is_doubtful"]), is_fallback=bool(row["is_fallback"]), body=row["body"],
    )  # fmt: skip
