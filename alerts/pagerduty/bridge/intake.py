"""From a webhook's body to what is stored: the bridge's promise to Alertmanager is made here, and only here.

A body is answered with success once everything in it is on disk; with 503 when it cannot be stored, so that it comes
again; with 400 or 413 only when it can never be read, and then it is kept and somebody is paged.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from alerts.pagerduty.bridge import ledger, letters
from alerts.pagerduty.bridge.ledger import remember
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.settings import Settings
from alerts.pagerduty.bridge.store import Store, StoreError
from alerts.pagerduty.core.alert import Alert, Delivery, UnreadableError, read
from alerts.pagerduty.core.event import OWN_KEYS, Notice
from alerts.pagerduty.core.intake import Verdict
from alerts.pagerduty.core.severity import Severity
from exporters.catalog import bridge as catalog

MOST_BYTES = 32 * 1024 * 1024
STORE_SECONDS = 8.0
"""Alertmanager gives a webhook 10 s or more."""
MOST_WAITING = 1_000
"""Webhooks between receipt and disk; the next one gets 503, so that memory stays bounded."""
LARGE_BYTES = 256 * 1024
"""A larger body is read in a thread: it would keep the others waiting."""
UNREADABLE = Notice(
    key=f"{OWN_KEYS}/unreadable",
    summary="Alertmanager sent alerts that the bridge cannot read; see `casino bridge dead list`",
    severity=Severity.ERROR,
)


class Reply(Struct, frozen=True):
    """What Alertmanager is told."""

    status: int
    detail: str


class Intake:
    """Takes webhooks in the event loop."""

    def __init__(self, settings: Settings, store: Store, meter: Meter, stored: Callable[[], None]) -> None:
        """`stored` is called when something new waits."""
        self._settings = settings
        self._store = store
        self._meter = meter
        self._stored = stored
        self._receivers = {""}

    async def take(self, body: bytes) -> Reply:
        """Store one webhook."""
        if self._store.waiting >= MOST_WAITING:
            return Reply(503, "Too much waits for the disk.")
        now = time.time()
        try:
            delivery = await asyncio.to_thread(read, body, now) if len(body) > LARGE_BYTES else read(body, now)
        except UnreadableError as fault:
            return await self._keep_unreadable(body, str(fault))
        return await self._keep(delivery, now)

    def too_large(self) -> None:
        """Remember that a webhook was refused for its size."""
        self._store.write(partial(self._unreadable, body=b"", said=f"larger than {MOST_BYTES} bytes"))

    def take_from(self, alerts: Sequence[Alert], source: str) -> None:
        """Store alerts that came another way; returns when they are on disk. Raises StoreError."""
        now = time.time()
        work = partial(ledger.take, alerts=alerts, directory=self._settings.directory, now=now, source=source)
        for verdict, count in self._store.write(work).result().items():
            self._meter.count(catalog.RECEIVED, verdict.value, by=count)
        self._stored()

    async def _keep(self, delivery: Delivery, now: float) -> Reply:
        source = f"receiver {delivery.receiver}" if delivery.receiver else "webhook"
        directory = self._settings.directory

        def work(connection: sqlite3.Connection) -> Counter[Verdict]:
            if delivery.receiver not in self._receivers:
                remember(connection, f"receiver {delivery.receiver}", "")
            return ledger.take(connection, delivery.alerts, directory, now=now, source=source)

        try:
            async with asyncio.timeout(STORE_SECONDS):
                verdicts = await asyncio.wrap_future(self._store.write(work))
        except (StoreError, TimeoutError):
            return Reply(503, "It could not be stored.")
        self._receivers.add(delivery.receiver)
        for verdict, count in verdicts.items():
            self._meter.count(catalog.RECEIVED, verdict.value, by=count)
        if delivery.truncated:
            self._meter.count(catalog.TRUNCATED, by=delivery.truncated)
        self._stored()
        return Reply(200, ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))

    async def _keep_unreadable(self, body: bytes, said: str) -> Reply:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await asyncio.wrap_future(self._store.write(partial(self._unreadable, body=body, said=said)))
        except (StoreError, TimeoutError):
            return Reply(503, "It could not be stored.")
        self._stored()
        return Reply(400, said)

    def _unreadable(self, connection: sqlite3.Connection, *, body: bytes, said: str) -> None:
        now = time.time()
        letters.bury_unreadable(connection, body, said=said, now=now)
        ledger.exclaim(connection, UNREADABLE, self._settings.directory.default, now)
