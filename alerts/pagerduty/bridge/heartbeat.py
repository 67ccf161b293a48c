"""Signs of life: the Watchdog that is expected from Alertmanager, and the ping that tells somebody outside that all is well.

When the store cannot be written, nothing can be queued: then PagerDuty is called directly, the only event that is
nowhere on disk.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from functools import partial

import httpx
import msgspec

from alerts.pagerduty.bridge import audit, ledger, queue
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.settings import Settings
from alerts.pagerduty.bridge.store import Store, StoreError
from alerts.pagerduty.bridge.transport import EVENTS, Transport
from alerts.pagerduty.core.answer import Kind
from alerts.pagerduty.core.event import OWN_KEYS, Notice, notice, resolve, with_routing_key
from exporters.catalog import bridge as catalog
from gateway.store.secrets import SecretError, Secrets

logger = logging.getLogger("casino.bridge")

LOOK_SECONDS = 2.0
PING_SECONDS = 60.0
ROOM_BYTES = 32_000
"""About what one webhook needs."""
STORE_SECONDS = 10.0
"""How long the store may be unwell before somebody is paged."""
STUCK_SECONDS = 300.0
"""How long something may wait for a routing key that takes nothing, before the ping stops: then no page of that key gets
out, the bridge's own among them."""
WATCHDOG = Notice(
    key=f"{OWN_KEYS}/watchdog",
    summary="The Watchdog alert stopped: Prometheus or Alertmanager cannot tell anybody of anything",
)
STORE = Notice(key=f"{OWN_KEYS}/store", summary="The bridge cannot write its queue: Alertmanager is answered 503")


class Heartbeat:
    """Looks every few seconds."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        meter: Meter,
        *,
        transport: Callable[[], Transport],
        is_sending: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._meter = meter
        self._transport = transport
        self._is_sending = is_sending
        self._wake = wake
        self._secrets = Secrets()
        self._began = time.time()
        self._pinged_at = float("-inf")
        self._unwell_since: float | None = None
        self._has_paged = False

    def look(self) -> None:
        """Look once."""
        now = time.time()
        is_well = self._try_store()
        self._watch_store(is_well=is_well, now=now)
        is_alive = not is_well or self._watch_watchdog(now)
        if is_well and is_alive:
            self._ping()

    def _try_store(self) -> bool:
        try:
            self._store.write(_find_room).result()
        except StoreError as fault:
            logger.warning("store_unwell", extra={"fields": {"error.message": str(fault)[:200]}})
            return False
        return True

    def _watch_store(self, *, is_well: bool, now: float) -> None:
        if is_well:
            self._unwell_since = None
            if self._has_paged:
                self._has_paged = not self._call(resolve(STORE.key))
            return
        self._unwell_since = self._unwell_since or now
        if not self._has_paged and now - self._unwell_since >= STORE_SECONDS:
            self._has_paged = self._call(notice(STORE))

    def _call(self, event: bytes) -> bool:
        transport = self._transport()
        try:
            routing_key = self._secrets.get(self._settings.keys[self._settings.directory.default])
            return transport.send(EVENTS, with_routing_key(event, routing_key)).kind is Kind.ACCEPTED
        except SecretError as fault:
            logger.warning("routing_key_unusable", extra={"fields": {"error.message": str(fault)}})
            return False
        finally:
            transport.close()

    def _watch_watchdog(self, now: float) -> bool:
        """Page when the Watchdog stopped, and end that when it is back. Returns whether it is alive."""
        expected = self._settings.bridge.watchdog_seconds
        with self._store.reading() as connection:
            heard_at = float(ledger.remembered(connection, "watchdog_at") or 0.0)
        age = now - max(heard_at, self._began)
        self._meter.show(catalog.WATCHDOG_AGE, age)
        is_alive = not expected or age <= expected
        if self._is_sending() and expected:
            default = self._settings.directory.default
            work = partial(ledger.own, notice=WATCHDOG, target=default, is_open=not is_alive, now=now)
            if (is_alive and heard_at < self._began) or not self._store.write(work).result():
                return is_alive
            self._wake()
        return is_alive

    def _ping(self) -> None:
        ping = self._settings.bridge.ping
        if ping is None or time.monotonic() - self._pinged_at < PING_SECONDS:
            return
        self._pinged_at = time.monotonic()
        if stuck := self._stuck(time.time()):
            logger.warning("not_delivering", extra={"fields": {"casino.keys": ", ".join(stuck)}})
            return
        try:
            httpx.get(self._secrets.get(ping), timeout=10.0).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, SecretError) as fault:
            # Its text may hold the URL, which is a secret.
            logger.warning("ping_failed", extra={"fields": {"error.type": type(fault).__name__}})

    def _stuck(self, now: float) -> tuple[str, ...]:
        """Return the routing keys for which something waits too long and that took nothing meanwhile (in a storm they do)."""
        if not self._is_sending():
            return ()
        with self._store.reading() as connection:
            depths = queue.depths(connection)
            alive = audit.delivered_since(connection, now - STUCK_SECONDS)
        return tuple(key for key, depth in depths.items() if depth.oldest_at < now - STUCK_SECONDS and key not in alive)


def _find_room(connection: sqlite3.Connection) -> None:
    """Write what needs room that is not in the file yet, and take it back: a full disk still takes small changes."""
    ledger.remember(connection, "room", "x" * ROOM_BYTES)
    ledger.forget(connection, "room")


class _Config(msgspec.Struct):
    generation: int
    digest: str


class Changes:
    """Sees reloads and upgrades of the gateway on this machine, and tells PagerDuty of them as change events."""

    def __init__(self, settings: Settings, store: Store, wake: Callable[[], None]) -> None:
        self._settings = settings
        self._store = store
        self._wake = wake
        self._http = httpx.Client(timeout=3.0)

    def look(self) -> None:
        """Compare once with what ran before."""
        try:
            config = msgspec.json.decode(self._get("/config"), type=_Config)
            build = next((line for line in self._get("/metrics").decode().splitlines() if line.startswith(BUILD)), "")
        except (httpx.HTTPError, msgspec.MsgspecError):
            return  # no gateway here, or not now: its own alerts tell
        for name, value, told in (
            ("digest", config.digest, f"Configuration reloaded: generation {config.generation}, {config.digest}"),
            ("build", build.partition(" ")[0], f"Gateway upgraded: {build.partition(' ')[0]}"),
        ):
            self._compare(f"gateway {name}", value, told)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _get(self, path: str) -> bytes:
        return self._http.get(f"{self._settings.control}{path}").raise_for_status().content

    def _compare(self, name: str, value: str, told: str) -> None:
        with self._store.reading() as connection:
            before = ledger.remembered(connection, name)
        if before == value:
            return
        now = time.time()

        def work(connection: sqlite3.Connection) -> None:
            ledger.remember(connection, name, value)
            if before is not None:
                notice = Notice(key=f"{OWN_KEYS}/change/{value}", summary=told, source="casino gateway")
                ledger.change(connection, notice, self._settings.keys, now)

        self._store.write(work).result()
        self._wake()


BUILD = "casino_build_info{"
