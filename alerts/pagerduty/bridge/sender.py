"""Sends what waits: one dispatcher chooses, some workers call. Order within an incident, fairness between routing keys.

A lane's head is the only event of it that can be chosen, and it stays the head until its answer is on disk; so a
resolve never overtakes its trigger, and what was cut off in the middle is sent again.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from alerts.pagerduty.bridge import audit, queue
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.delivery import Call, Views, call_for, change_after
from alerts.pagerduty.bridge.ledger import adopt, drop
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.pacing import Pace
from alerts.pagerduty.bridge.queue import Queued
from alerts.pagerduty.bridge.settings import Settings
from alerts.pagerduty.bridge.store import Store, StoreError
from alerts.pagerduty.bridge.storms import Storms
from alerts.pagerduty.bridge.threads import Threads
from alerts.pagerduty.bridge.transport import Transport
from alerts.pagerduty.core.answer import Answer, Kind, Next, quoted
from alerts.pagerduty.core.event import with_routing_key
from exporters.catalog import bridge as catalog
from gateway.store.secrets import SecretError, Secrets

logger = logging.getLogger("casino.bridge")

WORKERS = 4
GATHER_SECONDS = 0.02
"""A flood of webhooks wakes the dispatcher so often, not five hundred times a second."""
BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
STORE_SECONDS = 1.0
MINUTE = 60.0


class Sender:
    """The dispatcher and its workers."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        meter: Meter,
        *,
        transport: Callable[[], Transport],
        views: Views,
        is_sending: Callable[[], bool],
        delivered: Callable[[Queued], None],
    ) -> None:
        """`transport` makes one for each worker; `is_sending` says whether this bridge does; `delivered` hears of each."""
        self._settings = settings
        self._store = store
        self._meter = meter
        self._transport = transport
        self._views = views
        self._is_sending = is_sending
        self._delivered = delivered
        self._paces: dict[str, Pace] = {}
        self._jobs: SimpleQueue[Queued | None] = SimpleQueue()
        self._awake = threading.Event()
        self._secrets = Secrets()
        self._storms = Storms(settings, store, meter)
        self._stopping = threading.Event()

    def start(self, threads: Threads) -> None:
        """Begin."""
        self._stopping = threads.stopping
        threads.keep("dispatch", self._dispatch)
        for number in range(WORKERS):
            threads.keep(f"send-{number}", self._work)

    def wake(self) -> None:
        """Look now: something waits, or everything stops."""
        self._awake.set()
        if self._stopping.is_set():
            for _ in range(WORKERS):
                self._jobs.put(None)

    def _dispatch(self) -> None:
        with self._store.reading() as connection:
            while not self._stopping.is_set():
                is_busy = self._is_sending() and self._round(connection)
                self._awake.wait(BUSY_SECONDS if is_busy else IDLE_SECONDS)
                self._stopping.wait(GATHER_SECONDS)
                self._awake.clear()

    def _round(self, connection: sqlite3.Connection) -> bool:
        """Begin all calls that may begin, one for each routing key in turn. Returns whether anything waits."""
        waiting = self._known(queue.targets(connection))
        self._storms.watch(connection, waiting, {target: pace.under_way for target, pace in self._paces.items()})
        while sum(self._begin(connection, target) for target in waiting) and not self._stopping.is_set():
            pass
        return bool(waiting)

    def _known(self, waiting: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out what no routing key is for (a dead letter from before the spec changed, a peer with another spec): the default one gets it."""
        names = self._settings.keys
        if any(target not in names for target in waiting):
            default = self._settings.directory.default
            self._store.write(partial(adopt, names=tuple(names), default=default, now=time.time()))
        return tuple(target for target in waiting if target in names)

    def _begin(self, connection: sqlite3.Connection, target: str) -> bool:
        pace, now = self._pace(connection, target), time.time()
        self._meter.show(catalog.PAUSED, pace.paused_seconds(time.monotonic()), target)
        if not pace.may_call(time.monotonic()):
            return False
        queued = queue.due(connection, target, now, pace.under_way)
        if queued is None:
            return False
        pace.begins(queued.id)
        self._store.write(partial(_sent, queued=queued, now=now))
        self._jobs.put(queued)
        return True

    def _pace(self, connection: sqlite3.Connection, target: str) -> Pace:
        if target not in self._paces:
            called = audit.calls_since(connection, time.time() - MINUTE).get(target, 0)
            self._paces[target] = Pace(self._settings.per_minute, time.monotonic(), called)
        return self._paces[target]

    def _work(self) -> None:
        transport = self._transport()
        try:
            while not self._stopping.is_set() and (queued := self._jobs.get()) is not None:
                try:
                    self._deliver(queued, transport)
                finally:
                    self._paces[queued.target].under_way.discard(queued.id)
                    self._awake.set()
        finally:
            transport.close()

    def _deliver(self, queued: Queued, transport: Transport) -> None:
        call = call_for(
            queued,
            views=self._views,
            caution=self._settings.caution,
            targets=self._settings.targets,
            now=time.time(),
        )
        if call is None:
            self._settle(
                lambda connection: drop(connection, queued, now=time.time(), why="Alertmanager does not know it")
            )
            return
        began = time.monotonic()
        answer = self._call(queued, call, transport)
        seconds = time.monotonic() - began
        pace = self._paces[queued.target]
        following, change = change_after(
            queued, call, answer, default=self._settings.directory.default, seconds=seconds
        )
        self._settle(change)
        if pace.judged(answer, time.monotonic()):
            self._settle(lambda connection: queue.hurry(connection, queued.target))
        self._count(queued, answer, following, is_over=call.is_over)

    def _call(self, queued: Queued, call: Call, transport: Transport) -> Answer:
        try:
            routing_key = self._secrets.get(self._settings.keys[queued.target])
        except SecretError as fault:
            logger.warning("routing_key_unusable", extra={"fields": {"error.message": str(fault)}})
            return Answer(Kind.FAILED, "secret")
        answer = transport.send(call.endpoint, with_routing_key(call.event, routing_key))
        return quoted(answer, routing_key)

    def _settle(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Store what happened, however long the disk is full: until then the event stays under way."""
        while True:
            try:
                self._store.write(change).result()
            except StoreError:
                if self._stopping.wait(STORE_SECONDS):
                    return
            else:
                return

    def _count(self, queued: Queued, answer: Answer, following: Next, *, is_over: bool) -> None:
        if following is Next.DONE:
            self._meter.count(catalog.SENT, queued.target, queued.action.value)
            self._meter.took(catalog.DELIVERY_SECONDS, time.time() - queued.received_at, queued.target)
            self._delivered(queued)
            if is_over:
                self._meter.count(catalog.RECONCILED, "over")
        else:
            self._meter.count(catalog.FAILED, queued.target, answer.reason)


def _sent(connection: sqlite3.Connection, *, queued: Queued, now: float) -> None:
    queue.tried(connection, queued.id)
    detail = f"{queued.action.value}, try {queued.attempts + 1}{', in its least form' if queued.is_fallback else ''}"
    audit.add(connection, audit.Row(now, queued.key, queued.target, What.SENT.value, detail))
