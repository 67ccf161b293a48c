"""Begins and ends storms, lets their summaries follow what grows, and while one lasts takes out what ended before it was told: the summary has told it."""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import islice

from alerts.pagerduty.bridge import audit, ledger, queue
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.queue import Queued
from alerts.pagerduty.bridge.settings import Settings
from alerts.pagerduty.bridge.store import Store
from alerts.pagerduty.core.intake import Action
from alerts.pagerduty.core.severity import RANKS, Severity
from alerts.pagerduty.core.storm import Told, Waiting, Weather, has_grown, storm_key, summary, weather
from exporters.catalog import bridge as catalog

LOOK_SECONDS = 5.0
"""Counting what waits reads the whole queue; a summary is due within 30 s."""
MOST_AT_ONCE = 200


class Storms:
    """Used by the dispatcher's thread alone, so that nothing is sent while it is taken out."""

    def __init__(
        self, settings: Settings, store: Store, meter: Meter, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._store = store
        self._meter = meter
        self._clock = clock
        self._looked_at = float("-inf")
        self._told: dict[str, Told] = {}

    def watch(
        self, connection: sqlite3.Connection, targets: Iterable[str], under_way: Mapping[str, Collection[int]]
    ) -> None:
        """Look, now and then, at each routing key for which something waits."""
        now = self._clock()
        if 0 <= now - self._looked_at < LOOK_SECONDS:  # a clock that was put back delays no look
            return
        self._looked_at = now
        for target in {*targets, *self._raging(connection)}:
            self._watch(connection, target, under_way.get(target, ()))

    def _raging(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        return tuple(
            key
            for key in self._settings.keys
            if (known := ledger.incident(connection, storm_key(key))) and known.is_open
        )

    def _watch(self, connection: sqlite3.Connection, target: str, under_way: Collection[int]) -> None:
        waiting = queue.waiting_triggers(connection, target)
        is_storm = target in self._raging(connection)
        change = weather(sum(each.count for each in waiting), is_storm=is_storm, per_minute=self._settings.per_minute)
        now = self._clock()
        self._tell(target, waiting, change, is_storm=is_storm, now=now)
        if is_storm or change is Weather.BEGINS:
            over = queue.over_untold(connection, target, RANKS[Severity.CRITICAL], MOST_AT_ONCE)
            idle = tuple(queued for queued in over if queued.id not in under_way)
            self._store.write(partial(_fold, over=idle, now=now)).result()

    def _tell(self, target: str, waiting: tuple[Waiting, ...], change: Weather, *, is_storm: bool, now: float) -> None:
        """Let the summary begin, follow what grows, and end."""
        notice = summary(target, waiting)
        count = sum(each.count for each in waiting)
        if change is not Weather.SAME:
            begins = change is Weather.BEGINS
            self._store.write(partial(ledger.own, notice=notice, target=target, is_open=begins, now=now)).result()
            self._meter.show(catalog.STORM, float(begins), target)
        elif is_storm and has_grown(self._told.get(target), count, notice.severity, now):
            self._store.write(partial(ledger.tell_more, notice=notice, now=now)).result()
            self._meter.show(catalog.STORM, 1.0, target)  # after a restart nobody has said so yet
        else:
            return
        self._told[target] = Told(count, notice.severity, now)


def _fold(connection: sqlite3.Connection, *, over: tuple[Queued, ...], now: float) -> None:
    """Take out a trigger and its resolve: PagerDuty knew of neither, so nothing is left open."""
    for first in over:
        pair = tuple(islice(queue.lane(connection, first.key), 2))
        # Asked again within the change: it may have been sent since it was found.
        if len(pair) < 2 or pair[0].id != first.id or pair[0].attempts or pair[1].action is not Action.RESOLVE:
            continue
        for each in pair:
            queue.remove(connection, each, each.id)
        audit.add(connection, audit.Row(now, first.key, first.target, What.FOLDED.value, "into the storm's summary"))
