"""Dead letters: what PagerDuty will not take, kept where a person can look at it and send it again. And what grows old."""

import sqlite3
from collections.abc import Iterator

from msgspec import Struct

from alerts.pagerduty.bridge import audit, queue
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.queue import Entry, Queued
from alerts.pagerduty.core.intake import Action

MOST_BODY = 64_000
MOST_AT_ONCE = 500


class Letter(Struct, frozen=True, kw_only=True):
    """One dead letter."""

    id: int
    at: float
    target: str
    key: str
    action: str
    rank: int
    name: str
    starts_at: float
    reason: str
    said: str
    body: bytes


def bury(connection: sqlite3.Connection, entry: Entry, *, reason: str, said: str, now: float) -> None:
    """Keep a copy of an event."""
    connection.execute(
        "INSERT INTO dead (at, target, key, action, rank, name, starts_at, reason, said, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            now, entry.target, entry.key, entry.action.value, entry.rank, entry.name, entry.starts_at, reason, said,
            entry.body,
        ),
    )  # fmt: skip
    audit.add(connection, audit.Row(now, entry.key, entry.target, What.DIED.value, f"{reason}: {said}"))


def bury_unreadable(connection: sqlite3.Connection, body: bytes, *, said: str, now: float) -> None:
    """Keep a webhook that nobody could read; there is nothing to send again."""
    connection.execute(
        "INSERT INTO dead (at, target, key, action, rank, name, starts_at, reason, said, body)"
        " VALUES (?, '', '', 'unreadable', 0, '', 0, 'unreadable', ?, ?)",
        (now, said, body[:MOST_BODY]),
    )
    audit.add(connection, audit.Row(now, "", "", What.UNREADABLE.value, said))


def letters(connection: sqlite3.Connection) -> Iterator[Letter]:
    """Yield all, the oldest first."""
    for row in connection.execute("SELECT * FROM dead ORDER BY id"):
        yield Letter(**{name: row[name] for name in row.keys()})  # noqa: SIM118 - a Row is no mapping


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Count dead letters by reason."""
    return dict(connection.execute("SELECT reason, count(*) FROM dead GROUP BY reason").fetchall())


def requeue(connection: sqlite3.Connection, id_: int, now: float) -> bool:
    """Put one back at the end of its lane. False if there is none, or nothing to send."""
    row = connection.execute("SELECT * FROM dead WHERE id = ? AND action != 'unreadable'", (id_,)).fetchone()
    if row is None:
        return False
    entry = Entry(
        target=row["target"], key=row["key"], action=Action(row["action"]), rank=row["rank"], name=row["name"],
        starts_at=row["starts_at"], body=row["body"],
    )  # fmt: skip
    queue.put(connection, entry, now)
    connection.execute("DELETE FROM dead WHERE id = ?", (id_,))
    audit.add(connection, audit.Row(now, entry.key, entry.target, What.REQUEUED.value, f"dead letter {id_}"))
    return True


def expire(connection: sqlite3.Connection, before: float, now: float) -> int:
    """Forget what is older than the retention; an event that waited so long becomes a dead letter. Returns how many did."""
    old: tuple[Queued, ...] = queue.older_than(connection, before, MOST_AT_ONCE)
    for queued in old:
        queue.remove(connection, queued, queued.id)
        bury(connection, queued, reason="expired", said=f"{queued.attempts} tries", now=now)
    connection.execute(
        "DELETE FROM dead WHERE id IN (SELECT id FROM dead WHERE at < ? ORDER BY id LIMIT ?)", (before, MOST_AT_ONCE)
    )
    connection.execute(
        "DELETE FROM incidents WHERE key IN (SELECT key FROM incidents WHERE NOT is_open AND told_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.key = incidents.key) LIMIT ?)",
        (before, MOST_AT_ONCE),
    )
    audit.forget(connection, before, MOST_AT_ONCE)
    return len(old)
