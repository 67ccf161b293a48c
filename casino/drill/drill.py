"""One drill: all grounds side by side, on each one wave after the other; breaks, watches, mends, and waits for the end."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx

from alerts.rule import Alert
from casino.drill.clients import kept_on
from casino.drill.fault import Fault, Ground, Told
from casino.drill.ground import Site
from casino.drill.hands import hand
from casino.drill.key import Key
from casino.drill.plan import expect
from casino.drill.report import speed
from casino.drill.verdict import Outcome, judge
from casino.drill.watch import LOOK_SECONDS, Lookout
from casino.drill.witness import Witness
from casino.stack import Stack

HEED_SECONDS = 0.1
CALM_SECONDS = 120.0
"""For alerts of the wave before to end."""

LANES = ((Ground.SERVICES,), (Ground.BUDGETS,), (Ground.WATCHERS, Ground.CLOCK))
"""Grounds side by side, as many as two cores bear; those of a lane one after the other."""

Say = Callable[[str], None]
Waves = tuple[tuple[Fault, ...], ...]


class Drill:
    """Runs faults on their grounds."""

    def __init__(self, stack: Stack, alerts: Mapping[Key, Alert], say: Say) -> None:
        self._stack, self._alerts, self._say = stack, alerts, say
        self.outcomes: list[Outcome] = []

    async def run(self, waves: Mapping[Ground, Waves], sites: Mapping[Ground, Site]) -> None:
        """Drill everything. Raises what the stack raises: somebody stops it, or a part failed."""
        heeding = asyncio.create_task(self._heed())
        lanes = [asyncio.create_task(self._lane(lane, waves, sites)) for lane in LANES]
        try:
            left = {heeding, *lanes}
            while left != {heeding}:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in (heeding, *lanes):
                task.cancel()
            await asyncio.gather(heeding, *lanes, return_exceptions=True)

    async def _heed(self) -> None:
        while True:
            self._stack.heed(0)
            await asyncio.sleep(HEED_SECONDS)

    async def _lane(
        self, lane: tuple[Ground, ...], waves: Mapping[Ground, Waves], sites: Mapping[Ground, Site]
    ) -> None:
        for ground in lane:
            if ground in sites:
                await sites[ground].start()
                self._say(f"{ground:<9} runs, {speed(sites[ground].scale)}")
                await self._on(sites[ground], waves[ground])
                sites[ground].stop()

    async def _on(self, site: Site, waves: Waves) -> None:
        async with httpx.AsyncClient() as client:
            lookout = Lookout(client, prometheus=site.places.prometheus, standin=site.standin_address)
            async with kept_on(lookout.look_on()):
                while not await lookout.is_warm(site.targets):
                    await asyncio.sleep(LOOK_SECONDS)
                for wave in waves:
                    await self._calm(lookout, wave)
                    await asyncio.gather(*(self._suffer(site, lookout, fault) for fault in wave))

    async def _calm(self, lookout: Lookout, wave: tuple[Fault, ...]) -> None:
        """Wait until nothing that this wave must set off fires already, or is an incident still."""
        keys = [trial.key for fault in wave for trial in fault.trials if trial.told is not Told.BRIDGE]
        deadline = time.monotonic() + CALM_SECONDS
        while time.monotonic() < deadline:
            firing = lookout.firing
            if (
                firing is not None
                and not any(key.is_of(labels) for labels in firing for key in keys)
                and not any(map(lookout.is_open, keys))
            ):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _suffer(self, site: Site, lookout: Lookout, fault: Fault) -> None:
        self._say(f"{fault.ground:<9} {fault.what}")
        watched = [
            Witness(trial, expect(trial, self._alerts[trial.key], site.scale), lookout) for trial in fault.trials
        ]
        try:
            await self._break(site, fault, watched)
        except asyncio.CancelledError:
            self._judge(site, fault, watched, was_broken_off=True)
            raise
        self._judge(site, fault, watched)

    async def _break(self, site: Site, fault: Fault, watched: list[Witness]) -> None:
        began = time.time()
        for each in watched:
            each.broke_at = began
        try:
            async with hand(fault)(site, fault):
                await asyncio.gather(*(each.wait_for_page() for each in watched))
        except (httpx.HTTPError, OSError) as refusal:
            self._say(f"{fault.ground:<9} {fault.name} could not be done, or not undone: {refusal!r}")
        healed_at = time.time()
        for each in watched:
            each.healed_at = healed_at
        await asyncio.gather(*(each.wait_for_end() for each in watched))

    def _judge(self, site: Site, fault: Fault, watched: list[Witness], *, was_broken_off: bool = False) -> None:
        for each in watched:
            seen = each.seen(was_broken_off=was_broken_off)
            outcome = judge(fault, each.trial, scale=site.scale, expected=each.expected, seen=seen)
            self.outcomes.append(outcome)
            self._say(f"{fault.ground:<9} {outcome.alert}: {outcome.verdict}")
