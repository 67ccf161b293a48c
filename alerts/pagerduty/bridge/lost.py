"""Looks up, where a REST token allows it, whether PagerDuty has the incidents it said it took, and sends again what it lost.

PagerDuty's 202 says that an event was queued, not that it had an effect. Each incident is looked up once.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from functools import partial

import httpx
import msgspec

from alerts.pagerduty.bridge import audit, ledger, queue
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.ledger import Stored
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.settings import Settings
from alerts.pagerduty.bridge.store import Store
from exporters.catalog import bridge as catalog
from gateway.store.secrets import SecretError, Secrets

logger = logging.getLogger("casino.bridge")

LOOK_SECONDS = 5.0
SETTLED_SECONDS = 60.0
"""How long PagerDuty may take to make an incident of an event."""
MOST_AT_ONCE = 5
"""One call a second: a sixteenth of what PagerDuty allows a token."""


class _Answer(msgspec.Struct):
    incidents: list[msgspec.Raw]


class Lost:
    """Looks every few seconds, while this bridge sends."""

    def __init__(self, settings: Settings, store: Store, meter: Meter, *, wake: Callable[[], None]) -> None:
        self._settings = settings
        self._store = store
        self._meter = meter
        self._wake = wake
        self._secrets = Secrets()
        self._http = httpx.Client(base_url=settings.rest_url, timeout=10.0)
        if settings.api_token is None:
            logger.info("lost_incidents_not_looked_up", extra={"fields": {"casino.missing": "pagerduty.api_token"}})

    def look(self) -> None:
        """Look up a few."""
        if self._settings.api_token is None:
            return
        now = time.time()
        with self._store.reading() as connection:
            unseen = ledger.not_looked_up(connection, now - SETTLED_SECONDS, MOST_AT_ONCE)
        for stored in unseen:
            try:
                is_there = self._is_there(stored.incident.key)
            except (httpx.HTTPError, msgspec.MsgspecError, SecretError) as fault:
                logger.warning("look_up_failed", extra={"fields": {"error.type": type(fault).__name__}})
                return
            self._store.write(partial(_seen, stored=stored, is_there=is_there, now=now)).result()
            if not is_there:
                self._meter.count(catalog.RECONCILED, "lost")
                self._wake()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _is_there(self, key: str) -> bool:
        """Ask for every incident of a key, those that people resolved too: what they ended is not lost."""
        assert self._settings.api_token is not None
        answer = self._http.get(
            "/incidents",
            params={"incident_key": key, "date_range": "all", "limit": 1},
            headers={
                "Authorization": f"Token token={self._secrets.get(self._settings.api_token)}",
                "Accept": "application/vnd.pagerduty+json;version=2",
            },
        )
        return bool(msgspec.json.decode(answer.raise_for_status().content, type=_Answer).incidents)


def _seen(connection: sqlite3.Connection, *, stored: Stored, is_there: bool, now: float) -> None:
    key = stored.incident.key
    ledger.looked_up(connection, key)
    known = ledger.incident(connection, key)
    if is_there or known is None or not known.is_open or queue.is_waiting(connection, key):
        return
    ledger.tell_again(connection, stored, now)
    audit.add(connection, audit.Row(now, key, known.target, What.LOST.value, "PagerDuty has no such incident"))
