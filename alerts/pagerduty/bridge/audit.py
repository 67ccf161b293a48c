"""The audit: one row for everything that was received, decided, sent and answered. Rows are added, never changed.

They stand in the same file, and in the same commit, as what they tell of, so that they cannot disagree with it.
"""

import sqlite3
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

MOST_DETAIL = 400


class What(StrEnum):
    """What a row tells of, beside the verdicts on alerts."""

    UNREADABLE = "unreadable"
    SENT = "sent"
    ANSWERED = "answered"
    DELIVERED = "delivered"
    FELL_BACK = "fell back"
    MOVED = "moved"
    DIED = "died"
    REQUEUED = "requeued"
    DROPPED = "dropped"
    FOLDED = "folded"
    ORPHANED = "orphaned"
    LOST = "lost"
    PEER = "told by the peer"
    OWN = "own"
    TOOK_OVER = "took over"
    STEPPED_DOWN = "stepped down"


class Row(Struct, frozen=True):
    """One row."""

    at: float
    key: str
    target: str
    what: str
    detail: str


def add(connection: sqlite3.Connection, row: Row) -> None:
    """Add a row."""
    connection.execute(
        "INSERT INTO audit (at, key, target, what, detail) VALUES (?, ?, ?, ?, ?)",
        (row.at, row.key, row.target, row.what, row.detail[:MOST_DETAIL]),
    )


def of(connection: sqlite3.Connection, key: str) -> Iterator[Row]:
    """Yield all of one key, the oldest first."""
    for row in connection.execute("SELECT at, key, target, what, detail FROM audit WHERE key = ? ORDER BY id", (key,)):
        yield Row(*row)


def calls_since(connection: sqlite3.Connection, since: float) -> dict[str, int]:
    """Count calls to PagerDuty by routing key's name, the other bridge's too."""
    rows = connection.execute(
        "SELECT target, count(*) FROM audit WHERE at >= ? AND what IN (?, ?) GROUP BY target",
        (since, What.SENT.value, What.PEER.value),
    )
    return dict(rows.fetchall())


def delivered_since(connection: sqlite3.Connection, since: float) -> frozenset[str]:
    """Return the names of routing keys with which PagerDuty took something."""
    rows = connection.execute(
        "SELECT DISTINCT target FROM audit WHERE at >= ? AND what = ?", (since, What.DELIVERED.value)
    )
    return frozenset(row[0] for row in rows)


def forget(connection: sqlite3.Connection, before: float, most: int) -> int:
    """Delete some of the rows older than that; the file itself refuses for rows of the last day."""
    return connection.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY id LIMIT ?)", (before, most)
    ).rowcount
