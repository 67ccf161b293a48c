"""What happened, in order: every call, what became of it, and who was told. Old entries are forgotten, and counted."""

import time
from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

MOST_ENTRIES = 200_000
MOST_BYTES = 256 * 1024 * 1024


class What(StrEnum):
    """The kinds of entries."""

    CALL = "call"
    """A request to the Events API, with its answer."""
    CHANGE = "change"
    """A change event that was taken."""
    ALERT_OPENED = "alert_opened"
    ALERT_REPEATED = "alert_repeated"
    """A trigger for an alert that is open: nobody is told."""
    ALERT_RESOLVED = "alert_resolved"
    EVENT_DROPPED = "event_dropped"
    """Taken, and without effect; `reason` says why."""
    INCIDENT_TRIGGERED = "incident_triggered"
    INCIDENT_ACKNOWLEDGED = "incident_acknowledged"
    INCIDENT_UNACKNOWLEDGED = "incident_unacknowledged"
    """The service's acknowledgement timeout has passed."""
    INCIDENT_ESCALATED = "incident_escalated"
    INCIDENT_RESOLVED = "incident_resolved"
    REST = "rest"
    """A request to the REST API, with its status; `action` is its method and path."""
    NOTIFIED = "notified"
    """Somebody was told."""
    NOBODY_ON_CALL = "nobody_on_call"


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened."""

    number: int
    """From 1, without gaps."""
    at: float
    """Seconds since the epoch by the stand-in's clock, which may be scaled."""
    wall: float
    """Seconds since the epoch by the wall's clock, when it was written down."""
    what: What
    routing_key: str | None = None
    dedup_key: str | None = None
    action: str | None = None
    severity: str | None = None
    summary: str | None = None
    status: int | None = None
    """Of the answer; 0 when none was given."""
    fault: str | None = None
    """The fault that spoiled the answer."""
    errors: tuple[str, ...] = ()
    reason: str | None = None
    service: str | None = None
    incident: str | None = None
    level: int | None = None
    user: str | None = None
    urgency: str | None = None
    body: dict[str, Any] | None = None
    """The event as it was sent."""


class Timeline:
    """The entries of one stand-in."""

    def __init__(self, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self.forgotten = 0
        self._entries: deque[tuple[Entry, int]] = deque()
        self._last = 0
        self._bytes = 0
        self._most_entries = most_entries
        self._most_bytes = most_bytes

    def add(self, at: float, what: What, **about: Any) -> None:
        """Write down one thing; `about` are the other fields of an entry."""
        self._last += 1
        entry = Entry(number=self._last, at=at, wall=time.time(), what=what, **about)
        size = len(msgspec.msgpack.encode(entry)) if entry.body else 0
        self._entries.append((entry, size))
        self._bytes += size
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            _, size = self._entries.popleft()
            self._bytes -= size
            self.forgotten += 1

    @property
    def last(self) -> int:
        """The number of the newest entry."""
        return self._last

    def after(self, number: int = 0, **wanted: str | frozenset[str]) -> Iterator[Entry]:
        """Yield entries newer than a number, whose fields are (or are among) those wanted."""
        skip = max(0, number - self.forgotten)
        for place, (entry, _) in enumerate(self._entries):
            if place >= skip and all(_fits(getattr(entry, name), value) for name, value in wanted.items()):
                yield entry


def _fits(value: object, wanted: str | frozenset[str]) -> bool:
    return value in wanted if isinstance(wanted, frozenset) else value == wanted
