"""Carries out what was decided about incidents, each change whole: the incident, its events and the audit together."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from alerts.pagerduty.bridge import audit, queue
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.queue import Entry, Queued
from alerts.pagerduty.core.alert import Alert
from alerts.pagerduty.core.event import OWN_KEYS, Notice
from alerts.pagerduty.core.intake import ACTIONS, Action, Incident, Verdict, incident_after, judge, target_of
from alerts.pagerduty.core.severity import CHANGE_RANK, RANKS, URGENT_RANK, severity_of


class Directory(Struct, frozen=True):
    """Whom to tell: names of routing keys, by team."""

    pages: Mapping[str, str]
    default: str


class Stored(Struct, frozen=True):
    """An incident and what was last told of it."""

    incident: Incident
    body: bytes


def take(
    connection: sqlite3.Connection, alerts: Iterable[Alert], directory: Directory, *, now: float, source: str
) -> Counter[Verdict]:
    """Judge alerts one after the other and queue what follows; `source` is who told of them."""
    verdicts: Counter[Verdict] = Counter()
    for alert in alerts:
        known = incident(connection, alert.key)
        verdict = judge(alert, known)
        verdicts[verdict] += 1
        target = known.target if known and known.is_open else target_of(alert, directory.pages, directory.default)
        _note(connection, alert, verdict, target, now=now, source=source)
        changed = incident_after(verdict, alert, target, known)
        if changed:
            keep(connection, Stored(changed, msgspec.json.encode(alert)), now)
            queue.put(connection, _entry(alert, verdict, changed.target), now)
        elif verdict is Verdict.HEARTBEAT and alert.firing:
            remember(connection, "watchdog_at", str(now))
    return verdicts


def _note(
    connection: sqlite3.Connection, alert: Alert, verdict: Verdict, target: str, *, now: float, source: str
) -> None:
    if verdict is not Verdict.HEARTBEAT:
        detail = f"{source}: {'firing' if alert.firing else 'resolved'}, began {alert.starts_at:.3f}"
        audit.add(connection, audit.Row(now, alert.key, target, verdict.value, detail))


def _entry(alert: Alert, verdict: Verdict, target: str) -> Entry:
    return Entry(
        target=target,
        key=alert.key,
        action=ACTIONS[verdict],
        rank=RANKS[severity_of(alert.labels.get("severity", ""))],
        name=alert.name,
        starts_at=alert.starts_at,
        body=msgspec.json.encode(alert),
        is_doubtful=verdict is Verdict.DOUBTFUL,
    )


def incident(connection: sqlite3.Connection, key: str) -> Incident | None:
    """Return what is known of a key."""
    row = connection.execute("SELECT * FROM incidents WHERE key = ?", (key,)).fetchone()
    return _incident(row) if row else None


def open_incidents(connection: sqlite3.Connection) -> dict[str, Stored]:
    """Return what Alertmanager last said fires, by key."""
    rows = connection.execute("SELECT * FROM incidents WHERE is_open AND key NOT LIKE ?", (f"{OWN_KEYS}/%",))
    return {row["key"]: Stored(_incident(row), row["body"]) for row in rows}


def not_looked_up(connection: sqlite3.Connection, before: float, most: int) -> tuple[Stored, ...]:
    """Return open incidents that were delivered before a moment and that nobody has looked up at PagerDuty."""
    rows = connection.execute(
        "SELECT * FROM incidents WHERE is_open AND NOT looked_up AND told_at < ? AND key NOT LIKE ?"
        " AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.key = incidents.key) LIMIT ?",
        (before, f"{OWN_KEYS}/%", most),
    )
    return tuple(Stored(_incident(row), row["body"]) for row in rows)


def looked_up(connection: sqlite3.Connection, key: str) -> None:
    """Remember that an incident was looked up at PagerDuty."""
    connection.execute("UPDATE incidents SET looked_up = 1 WHERE key = ?", (key,))


def tell_again(connection: sqlite3.Connection, stored: Stored, now: float) -> None:
    """Queue the trigger of an open incident once more."""
    alert = msgspec.json.decode(stored.body, type=Alert)
    queue.put(connection, _entry(alert, Verdict.OPENED, stored.incident.target), now)


def keep(connection: sqlite3.Connection, stored: Stored, now: float) -> None:
    """Remember an incident."""
    known = stored.incident
    connection.execute(
        "INSERT OR REPLACE INTO incidents (key, target, is_open, starts_at, ends_at, told_at, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (known.key, known.target, known.is_open, known.starts_at, known.ends_at, now, stored.body),
    )


def close(connection: sqlite3.Connection, key: str, *, now: float, what: What, why: str) -> bool:
    """Let an open incident end though nobody said so: a resolve behind whatever waits. False if it was not open."""
    row = connection.execute("SELECT * FROM incidents WHERE key = ? AND is_open", (key,)).fetchone()
    if row is None:
        return False
    known = _incident(row)
    keep(connection, Stored(replace(known, is_open=False, ends_at=now), row["body"]), now)
    alert = replace(msgspec.json.decode(row["body"], type=Alert), firing=False, ends_at=now)
    queue.put(connection, _entry(alert, Verdict.CLOSED, known.target), now)
    audit.add(connection, audit.Row(now, key, known.target, what.value, why))
    return True


def drop(connection: sqlite3.Connection, queued: Queued, *, now: float, why: str) -> None:
    """Take out a doubtful trigger that Alertmanager does not know."""
    queue.remove(connection, queued, queued.id)
    connection.execute("UPDATE incidents SET is_open = 0, ends_at = ? WHERE key = ? AND is_open", (now, queued.key))
    audit.add(connection, audit.Row(now, queued.key, queued.target, What.DROPPED.value, why))


def own(connection: sqlite3.Connection, notice: Notice, target: str, *, is_open: bool, now: float) -> bool:
    """Open or end an incident of the bridge itself. False if it stands so already."""
    known = incident(connection, notice.key)
    if (known is not None and known.is_open) == is_open:
        return False
    at = known.starts_at if known and not is_open else now
    target = known.target if known and not is_open else target
    changed = Incident(key=notice.key, target=target, is_open=is_open, starts_at=at, ends_at=0.0 if is_open else now)
    body = msgspec.json.encode(notice)
    keep(connection, Stored(changed, body), now)
    action = Action.TRIGGER if is_open else Action.RESOLVE
    entry = Entry(
        target=target, key=notice.key, action=action, rank=URGENT_RANK, name="bridge", starts_at=at, body=body
    )
    queue.put(connection, entry, now)
    audit.add(connection, audit.Row(now, notice.key, target, What.OWN.value, notice.summary))
    return True


def tell_more(connection: sqlite3.Connection, notice: Notice, now: float) -> bool:
    """Tell more of an open incident of the bridge itself, instead of what still waits to be told. False if it is not open.

    PagerDuty takes a second trigger of an open alert as a line in its log: nobody is woken twice.
    """
    known = incident(connection, notice.key)
    if known is None or not known.is_open:
        return False
    body = msgspec.json.encode(notice)
    keep(connection, Stored(known, body), now)
    if not queue.reword(connection, notice.key, body):
        entry = Entry(
            target=known.target, key=notice.key, action=Action.TRIGGER, rank=URGENT_RANK, name="bridge",
            starts_at=known.starts_at, body=body,
        )  # fmt: skip
        queue.put(connection, entry, now)
    audit.add(connection, audit.Row(now, notice.key, known.target, What.OWN.value, notice.summary))
    return True


def exclaim(connection: sqlite3.Connection, notice: Notice, target: str, now: float) -> None:
    """Trigger an incident of the bridge itself that only a person can end; once, until it was sent."""
    if queue.is_waiting(connection, notice.key):
        return
    body = msgspec.json.encode(notice)
    entry = Entry(
        target=target, key=notice.key, action=Action.TRIGGER, rank=URGENT_RANK, name="bridge", starts_at=now, body=body
    )
    queue.put(connection, entry, now)
    audit.add(connection, audit.Row(now, notice.key, target, What.OWN.value, notice.summary))


def adopt(connection: sqlite3.Connection, names: Iterable[str], default: str, now: float) -> None:
    """Let the default routing key have what belongs to one that the spec does not name any more."""
    known = tuple(names)
    marks = ", ".join("?" * len(known))
    lost = f"target NOT IN ({marks})"
    for key, old in connection.execute(f"SELECT DISTINCT key, target FROM queue WHERE {lost}", known).fetchall():  # noqa: S608 - marks
        queue.move(connection, key, old, default)
        audit.add(connection, audit.Row(now, key, default, What.MOVED.value, f"{old} is not in the spec any more"))
    connection.execute(f"UPDATE incidents SET target = ? WHERE is_open AND {lost}", (default, *known))  # noqa: S608 - marks


def change(connection: sqlite3.Connection, notice: Notice, targets: Iterable[str], now: float) -> None:
    """Queue a change event for each routing key."""
    for target in targets:
        body = msgspec.json.encode(notice)
        queue.put(
            connection,
            Entry(
                target=target, key=notice.key, action=Action.CHANGE, rank=CHANGE_RANK, name="change", starts_at=now,
                body=body,
            ),
            now,
        )  # fmt: skip
        audit.add(connection, audit.Row(now, notice.key, target, What.OWN.value, notice.summary))


def remember(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Keep a small value over restarts."""
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Forget a small value."""
    connection.execute("DELETE FROM meta WHERE name = ?", (name,))


def remembered(connection: sqlite3.Connection, name: str) -> str | None:
    """Return a small value."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def receivers(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names of Alertmanager's receivers that lead here."""
    rows = connection.execute("SELECT name FROM meta WHERE name LIKE 'receiver %'")
    return frozenset(row[0].removeprefix("receiver ") for row in rows)


def _incident(row: sqlite3.Row) -> Incident:
    return Incident(
        key=row["key"], target=row["target"], is_open=bool(row["is_open"]), starts_at=row["starts_at"],
        ends_at=row["ends_at"],
    )  # fmt: skip
