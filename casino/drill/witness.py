"""Follows one alert from the fault to the end of its incident."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from alerts.pagerduty.core.alert import dedup_key
from alerts.pagerduty.core.event import OWN_KEYS
from casino.drill.fault import Told, Trial
from casino.drill.plan import Expected
from casino.drill.verdict import Sighting
from casino.drill.watch import LOOK_SECONDS, Incident, Lookout

PATIENCE_SECONDS = 60.0
"""Beyond one and a half times what is expected: then it has failed."""


class Witness:
    """One alert while its fault is in force, and afterwards."""

    def __init__(self, trial: Trial, expected: Expected, lookout: Lookout) -> None:
        self.trial, self.expected = trial, expected
        self.broke_at = 0.0
        self.healed_at: float | None = None
        self._lookout = lookout
        self._dedup_key: str | None = None
        self._fired_at: float | None = None
        self._told_at: float | None = None
        self._ended_at: float | None = None

    async def wait_for_page(self) -> None:
        """Return once it fired and, if that is possible while the fault is in force, somebody was told; or in vain."""
        await _until(self._has_come, 1.5 * self.expected.fires_seconds + PATIENCE_SECONDS)

    async def wait_for_end(self) -> None:
        """Return once its incident has ended; or in vain."""
        if self._fired_at is not None:
            await _until(self._has_gone, 1.5 * self.expected.ends_seconds + PATIENCE_SECONDS)

    def seen(self, *, was_broken_off: bool = False) -> Sighting:
        return Sighting(
            broke_at=self.broke_at, healed_at=self.healed_at, fired_at=self._fired_at, told_at=self._told_at,
            ended_at=self._ended_at, was_broken_off=was_broken_off,
        )  # fmt: skip

    async def _has_come(self) -> bool:
        if self.trial.key.name == "Watchdog":
            # It fires always: what is waited for is what somebody does about its silence.
            incident = self._incident()
            self._fired_at = incident.opened_at if incident else None
        elif self._fired_at is None:
            await self._look_for_firing()
        if self._fired_at is None or self.trial.told in {Told.NOBODY, Told.AFTERWARDS}:
            return self._fired_at is not None
        return self._incident() is not None

    async def _look_for_firing(self) -> None:
        firing = self._lookout.firing or []
        labels = next((each for each in firing if self.trial.key.is_of(each)), None)
        if labels is None:
            return
        now = time.time()
        times = await self._lookout.times(self.trial.key, self.broke_at, now)
        self._fired_at = times[0] if times else now
        self._dedup_key = dedup_key(labels)

    async def _has_gone(self) -> bool:
        firing = self._lookout.firing
        is_over = firing is not None and (
            self.trial.key.name == "Watchdog" or not any(map(self.trial.key.is_of, firing))
        )
        if self.trial.told is Told.NOBODY:
            if is_over:
                times = await self._lookout.times(self.trial.key, self.broke_at, time.time())
                self._ended_at = times[-1] if times else time.time()
            return is_over
        # Whoever is told hears of the end of what began with the fault; that a service falls ill again is another matter.
        incident = self._incident()
        is_over = is_over or self.trial.told is not Told.BRIDGE
        self._ended_at = incident.ended_at if incident and is_over else None
        return self._ended_at is not None

    def _incident(self) -> Incident | None:
        key = f"{OWN_KEYS}/{self.trial.own}" if self.trial.told is Told.BRIDGE else self._dedup_key
        incident = self._lookout.incident(key, self.broke_at) if key else None
        self._told_at = incident.opened_at if incident else self._told_at
        return incident


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not await holds() and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
