"""What one bridge tells the other of a pair: events that PagerDuty has taken, so that the other does not send them too."""

import sqlite3
from collections.abc import Iterable, Iterator

from msgspec import Struct

from alerts.pagerduty.bridge import audit, ledger, queue
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.ledger import Stored
from alerts.pagerduty.bridge.queue import Queued
from alerts.pagerduty.core.alert import Alert
from alerts.pagerduty.core.event import OWN_KEYS
from alerts.pagerduty.core.intake import Action, Incident

RECENT_SECONDS = 3600.0
"""An incident that ended earlier is nothing that a webhook could still be about."""
MOST_OFFERED = 200
OFFERED_SECONDS = 15.0
"""What waits that long at the bridge that does not send, the other one was perhaps not told of."""


class Mark(Struct, frozen=True, kw_only=True):
    """One event that PagerDuty has taken."""

    key: str
    target: str
    action: Action
    starts_at: float
    ends_at: float
    body: bytes


def mark_of(queued: Queued, now: float) -> Mark:
    """Describe a delivered event."""
    is_alert = queued.action is Action.RESOLVE and not queued.key.startswith(f"{OWN_KEYS}/")
    return Mark(
        key=queued.key,
        target=queued.target,
        action=queued.action,
        starts_at=queued.starts_at,
        ends_at=queued.alert.ends_at if is_alert else now,
        body=queued.body,
    )


def settled(connection: sqlite3.Connection, now: float) -> Iterator[Mark]:
    """Yield what PagerDuty knows of every incident for which nothing waits."""
    rows = connection.execute(
        "SELECT * FROM incidents WHERE (is_open OR ends_at > ?)"
        " AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.key = incidents.key)",
        (now - RECENT_SECONDS,),
    )
    for row in rows:
        yield Mark(
            key=row["key"], target=row["target"], action=Action.TRIGGER if row["is_open"] else Action.RESOLVE,
            starts_at=row["starts_at"], ends_at=row["ends_at"], body=row["body"],
        )  # fmt: skip


def heed(connection: sqlite3.Connection, marks: Iterable[Mark], now: float) -> None:
    """Take out of the queue what PagerDuty has already, and know of it what the other bridge knows."""
    for mark in marks:
        known = ledger.incident(connection, mark.key)
        match mark.action:
            case Action.CHANGE:
                connection.execute("DELETE FROM queue WHERE key = ? AND target = ?", (mark.key, mark.target))
            case Action.TRIGGER:
                _open(connection, mark, known, now)
            case Action.RESOLVE:
                _closed(connection, mark, known, now)
        for target in {mark.target, known.target if known else mark.target}:
            queue.lead(connection, mark.key, target)
        audit.add(
            connection, audit.Row(now, mark.key, mark.target, What.PEER.value, f"{mark.action.value} is delivered")
        )


def _open(connection: sqlite3.Connection, mark: Mark, known: Incident | None, now: float) -> None:
    """Until its next resolve, further triggers change nothing."""
    connection.execute(
        "DELETE FROM queue WHERE key = ? AND action = 'trigger' AND id <"
        " coalesce((SELECT min(id) FROM queue WHERE key = ? AND action = 'resolve'), 9223372036854775807)",
        (mark.key, mark.key),
    )
    if known is None or (not known.is_open and mark.starts_at >= known.ends_at):
        ledger.keep(connection, Stored(_incident(mark, is_open=True), mark.body), now)


def _closed(connection: sqlite3.Connection, mark: Mark, known: Incident | None, now: float) -> None:
    """What began before it ended is over; what began since is another matter."""
    connection.execute("DELETE FROM queue WHERE key = ? AND starts_at <= ?", (mark.key, mark.ends_at))
    if known is None or (known.is_open and known.starts_at <= mark.ends_at):
        ledger.keep(connection, Stored(_incident(mark, is_open=False), mark.body), now)


def _incident(mark: Mark, *, is_open: bool) -> Incident:
    return Incident(
        key=mark.key,
        target=mark.target,
        is_open=is_open,
        starts_at=mark.starts_at,
        ends_at=0.0 if is_open else mark.ends_at,
    )


def waiting_for_peer(connection: sqlite3.Connection, now: float, besides: set[int]) -> tuple[tuple[int, Alert], ...]:
    """Return alerts whose events wait here though the other bridge sends, each with its event's number."""
    old = queue.older_than(connection, now - OFFERED_SECONDS, MOST_OFFERED + len(besides))
    fresh = (queued for queued in old if queued.id not in besides and queued.action is not Action.CHANGE)
    return tuple((queued.id, queued.alert) for queued in fresh if not queued.key.startswith(f"{OWN_KEYS}/"))[
        :MOST_OFFERED
    ]
