"""Compares what is open with what Alertmanager lists, and sets right what got lost on the way. Decides nothing itself."""

import logging
import time
from functools import partial

import msgspec

from alerts.pagerduty.bridge import ledger
from alerts.pagerduty.bridge.alertmanager import Alertmanagers
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.intake import Intake
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.settings import Settings
from alerts.pagerduty.bridge.store import Store
from alerts.pagerduty.core.standing import View, overdue, still_absent, untold
from exporters.catalog import bridge as catalog

logger = logging.getLogger("casino.bridge")

UNTOLD_SECONDS = 600.0
"""An alert that joins a group waits up to `group_interval` (5 minutes) before the bridge can be told of it."""


class Reconciler:
    """Looks once each `reconcile` seconds, while this bridge sends."""

    def __init__(
        self, settings: Settings, store: Store, meter: Meter, alertmanagers: Alertmanagers, intake: Intake
    ) -> None:
        self._settings = settings
        self._store = store
        self._meter = meter
        self._alertmanagers = alertmanagers
        self._intake = intake
        self._absent: dict[str, float] = {}
        self._untold: dict[str, float] = {}

    def look(self) -> None:
        """Compare once."""
        views = self._alertmanagers.views(0.0)
        now = time.time()
        with self._store.reading() as connection:
            known = ledger.open_incidents(connection)
            receivers = ledger.receivers(connection)
        self._absent = still_absent(known, views, self._settings.caution, self._absent, now)
        self._untold = untold(views, frozenset(known), receivers, self._untold, now)
        self._meter.show(catalog.MISMATCHES, len(self._absent) + len(self._untold))
        for key in overdue(self._absent, self._settings.bridge.grace_seconds, now):
            self._resolve(key, now)
        self._tell(views, overdue(self._untold, UNTOLD_SECONDS, now))

    def _resolve(self, key: str, now: float) -> None:
        why = f"no Alertmanager lists it for {now - self._absent.pop(key):.0f} s"
        if self._store.write(partial(ledger.close, key=key, now=now, what=What.ORPHANED, why=why)).result():
            self._meter.count(catalog.RECONCILED, "orphaned")
            logger.warning("orphan_resolved", extra={"fields": {"casino.key": key}})

    def _tell(self, views: tuple[View, ...], keys: tuple[str, ...]) -> None:
        lost = [next(view.listed[key].alert for view in views if key in view.listed) for key in keys]
        if lost:
            self._intake.take_from(lost, "Alertmanager's list")
            self._meter.count(catalog.RECONCILED, "untold", by=len(lost))
            logger.warning("untold_triggered", extra={"fields": {"casino.keys": msgspec.json.encode(keys).decode()}})
