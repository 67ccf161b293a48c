"""The control plane: its parts, put together, and what the endpoints of gateway.control.app ask of them.

It is never on the way of a request: it may be killed at any moment, and its successor goes on from the shared memory.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from exporters.catalog.gateway import CONTROL_FAULTS, DNS_LOOKUPS, HEALTH_CHECKS
from gateway.control import gauges, metrics, readiness, stats
from gateway.control.checks import Check, Checks, Result
from gateway.control.endpoints import Publisher
from gateway.control.jwks import Jwks
from gateway.control.rates import History, pause_seconds, sample
from gateway.control.readiness import Readiness
from gateway.control.redact import redacted
from gateway.control.reload import Outcome, Reloader
from gateway.control.resolve import Directory, Names
from gateway.control.sharing import Sharing
from gateway.control.stats import CpuMeter, Stats
from gateway.control.tasks import Tasks
from gateway.control.watch import watch_files, watch_signals
from gateway.control.workers import Workers, heartbeat_ages
from gateway.spec.model import Spec
from gateway.store.ledger import Ledger
from gateway.store.limits import LimitTable
from gateway.store.process import Phase, Process
from gateway.store.slot import Slot, Word
from gateway.store.totals import Totals

BEAT_SECONDS = 0.05
JUDGE_SECONDS = 0.1

T = TypeVar("T")


class Config(msgspec.Struct, frozen=True):
    """What runs, and where it came from."""

    generation: int
    digest: str
    path: str
    stage: str | None
    last_reload: Outcome | None
    """The mistakes of a file that was refused, and settings that wait for an upgrade."""
    spec: dict[str, Any]
    """Credentials in header rules are hidden."""


class ControlPlane:
    """One control process. All of it runs on the event loop, save what concerns totals: one thread reads them and keeps their history."""

    def __init__(self, process: Process, names: Names) -> None:
        self._process = process
        self._tally = process.slot.tally
        self._slots = tuple(Slot.open(path) for path in process.build.slots())
        self._workers = Workers(process.workers)
        self._resolving, self._checking, self._loops = self._tasks("resolve"), self._tasks("check"), self._tasks("loop")
        self._fetching = self._tasks("keys")
        for result in ("success", "failure"):
            self._tally.index(DNS_LOOKUPS, (result,))
        directory = Directory(names, self._resolving, lambda result: self._tally.add(DNS_LOOKUPS, (result,)))
        checks = Checks(self._checking, self._count_check)
        self._publisher = Publisher(process.build.documents, process.slot, self._workers, directory, checks)
        self._jwks = Jwks(process, self._workers.slots, self._fetching)
        self._reloader = Reloader(process, self._workers, self._publisher, self._jwks)
        self._sharing = Sharing(
            process.workers, LimitTable.open(process.build.limits), self._tally, lambda: self._reloader.snapshot.spec
        )
        self._ledger = Ledger(process.run, process.build.id)
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="totals")
        self._history = History()
        self._cpu = CpuMeter()

    async def start(self) -> None:
        """Go on where the last control process was, and begin all work.

        A build that just began publishes nothing before its names were looked up, its targets checked and its issuers
        asked once: until then its workers are not ready, so nobody sees a guess.
        """
        self._reloader.resume()
        if self._publisher.published.edition == 0:
            await self._reloader.first_look()
        self._publisher.tick()
        self._loops.keep(
            {
                "beat": self._beat,
                "judge": self._judge,
                "sample": self._sample,
                "files": lambda: watch_files(self._process.spec_path, self._process.stage, self.reload),
                "signals": lambda: watch_signals(self._process.supervisor, self._process.slot, self.reload),
                "store": self._sharing.run,
            }
        )

    async def stop(self) -> None:
        """End all work."""
        for tasks in (self._loops, self._checking, self._resolving, self._fetching):
            await tasks.stop()
        await self._sharing.stop()
        self._reader.shutdown()

    async def reached(self, phase: Phase) -> None:
        """Wait until the build has come to this phase of its life."""
        while self._process.supervisor.words[Word.PHASE] < phase:
            await asyncio.sleep(BEAT_SECONDS)

    @property
    def is_replaced(self) -> bool:
        """Whether the next build serves on the same sockets: this one gave way only when that one was ready."""
        closing = self._process.supervisor.words[Word.PHASE] >= Phase.CLOSING
        return closing and any(build.id > self._process.build.id for build in self._process.run.builds())

    def readiness(self) -> Readiness:
        """Say whether traffic may be sent here."""
        if self.is_replaced:
            return Readiness(True, (), {})
        return readiness.judge(Phase(self._process.supervisor.words[Word.PHASE]), self._workers.look())

    @property
    def spec(self) -> Spec:
        """The spec that runs."""
        return self._reloader.snapshot.spec

    def config(self) -> Config:
        """Describe what runs."""
        snapshot = self._reloader.snapshot
        return Config(
            snapshot.generation,
            snapshot.digest,
            str(self._process.spec_path),
            self._process.stage,
            self._reloader.last,
            redacted(snapshot.spec),
        )

    async def reload(self) -> Outcome:
        """Read the spec again and apply it."""
        return await self._reloader.reload()

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """Render `/metrics` for this Accept header."""
        now = gauges.describe(
            self._workers.look(),
            heartbeat_ages(self._slots),
            self._publisher.targets(),
            self._publisher.published,
            self._jwks.keys(),
            last_reload=self._reloader.last,
            sharing=self._sharing,
        )
        return await self._read(lambda totals: metrics.render(totals, now, accept))

    async def stats(self) -> Stats:
        """Describe what happens right now."""
        workers = self._workers.look()
        view = stats.View(
            self._reloader.snapshot,
            self._publisher.published,
            tuple(self._publisher.targets()),
            tuple(workers),
            self._cpu.ratios(worker.pid for worker in workers if worker.pid),
        )
        return await self._read(lambda totals: stats.describe(view, totals, self._history))

    async def _read(self, use: Callable[[Totals], T]) -> T:
        """Read the totals and use them, away from the event loop: with many series both take a while."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, lambda: use(self._ledger.totals()))

    async def _beat(self) -> None:
        while True:
            self._process.slot.beat()
            await asyncio.sleep(BEAT_SECONDS)

    async def _judge(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_SECONDS)
            self._publisher.tick()
            self._jwks.tick()

    async def _sample(self) -> None:
        while True:
            begun = time.process_time()
            await self._read(lambda totals: self._history.add(sample(totals, time.monotonic())))
            await asyncio.sleep(pause_seconds(time.process_time() - begun))

    def _tasks(self, name: str) -> Tasks:
        self._tally.index(CONTROL_FAULTS, (name,))
        return Tasks(name, lambda: self._tally.add(CONTROL_FAULTS, (name,)))

    def _count_check(self, check: Check, result: Result) -> None:
        target, _, _ = check.key
        self._tally.add(HEALTH_CHECKS, (check.upstream, check.version, target, result.value))
