"""The log writer: from the workers' rings to the sink. It never decides what a line says, and never loses one.

A line is given up in the ring after it is in the sink: a writer that is killed in between leaves a duplicate, which
its sequence number shows. While the sink takes nothing the rings fill, and the workers count what they drop.
It also clears up after builds that have ended: writes what they left in their rings, then folds their totals.
"""

import time
from collections.abc import Iterable

import msgspec

from exporters.catalog.gateway import LOG_WRITTEN
from gateway.core.snapshot import SNAPSHOT, read_snapshot
from gateway.serve.events import Event, emit
from gateway.serve.sink import Sink
from gateway.store.process import Phase, Process
from gateway.store.retire import fold
from gateway.store.ring import Ring
from gateway.store.rundir import Build, Held
from gateway.store.slot import Slot, Word, open_readable

BATCH_BYTES = 64 * 1024
"""One write: what the smallest pipe holds."""
ROUND_BYTES = 1024 * 1024
"""The most one ring may give before the next has its turn."""
PAUSE_SECONDS = 0.02
"""Between rounds that found something: at 30,000 lines a second each takes 300 kB, and its fixed cost does not count."""
IDLE_PAUSE_SECONDS = 0.05
ELDERS_SECONDS = 1.0
"""How often to look for builds that have ended."""


class Elder(msgspec.Struct, frozen=True):
    """A build that has ended, with its lock in our hands and lines perhaps still in its rings."""

    build: Build
    lock: Held
    rings: tuple[Ring, ...]


class Writer:
    """The writer of one build."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._workers = [Slot.open(path, writable=True) for path in process.workers]
        self._rings = _rings(self._workers)
        self._elders: list[Elder] = []
        self._elders_due = 0.0
        self._sink = Sink(read_snapshot(process.build.documents.read(SNAPSHOT)).spec.log)
        self._reopens = process.supervisor.words[Word.REOPENS]
        self._written = process.slot.tally.index(LOG_WRITTEN, ())

    def run(self) -> None:
        """Write until the build stops and nothing is left."""
        while not self._is_done():
            self._process.slot.beat()
            self._reopen_if_asked()
            self._look_for_elders(time.monotonic())
            moved_bytes = self._round()
            self._bury()
            if moved_bytes < ROUND_BYTES:
                time.sleep(PAUSE_SECONDS if moved_bytes else IDLE_PAUSE_SECONDS)

    def _is_done(self) -> bool:
        """Its own workers have ended and every line is written; a line put after this would have no writer."""
        if self._process.supervisor.words[Word.PHASE] < Phase.STOP or any(
            slot.words[Word.PID] for slot in self._workers
        ):
            return False
        return not any(ring.waiting_bytes for ring in self._all_rings())

    def _round(self) -> int:
        moved_bytes = 0
        for ring in self._all_rings():
            moved, sink_is_full = self._copy(ring)
            moved_bytes += moved
            if sink_is_full:
                break
        self._rings = self._rings[1:] + self._rings[:1]  # a slow sink is shared out fairly
        return moved_bytes

    def _copy(self, ring: Ring) -> tuple[int, bool]:
        """Write what waits now; return the bytes moved, and whether the sink stopped us."""
        moved_bytes = 0
        left_bytes = min(ring.waiting_bytes, ROUND_BYTES)
        while moved_bytes < left_bytes:
            lines = ring.peek(BATCH_BYTES)
            while lines:
                count = self._sink.write(lines)
                self._process.slot.beat()
                if not count:
                    return moved_bytes, True
                ring.advance(count)
                self._process.slot.tally.values[self._written] += count
                moved_bytes += count
                lines = lines[count:]
        return moved_bytes, False

    def _all_rings(self) -> Iterable[Ring]:
        for elder in self._elders:
            yield from elder.rings
        yield from self._rings

    def _reopen_if_asked(self) -> None:
        asked = self._process.supervisor.words[Word.REOPENS]
        if asked != self._reopens:
            self._reopens = asked
            self._sink.reopen()

    def _look_for_elders(self, now: float) -> None:
        if now < self._elders_due:
            return
        self._elders_due = now + ELDERS_SECONDS
        known = {self._process.build.id, *(elder.build.id for elder in self._elders)}
        for build in self._process.run.builds():
            if build.id not in known and (lock := build.hold()):
                self._elders.append(_adopt(build, lock))

    def _bury(self) -> None:
        """Fold the builds that have nothing left to write."""
        for elder in self._elders[:]:
            if not any(ring.waiting_bytes for ring in elder.rings) and fold(self._process.run, elder.build):
                self._elders.remove(elder)
                elder.lock.release()


def main(process: Process) -> None:
    """Run the writer; the supervisor calls this in the forked child."""
    Writer(process).run()


def _adopt(build: Build, lock: Held) -> Elder:
    rings = _rings(open_readable(build.slots(), writable=True))
    waiting_bytes = sum(ring.waiting_bytes for ring in rings)
    emit(Event.ADOPTED, fields={"casino.build": build.id, "casino.waiting_bytes": waiting_bytes})
    return Elder(build, lock, rings)


def _rings(slots: Iterable[Slot]) -> tuple[Ring, ...]:
    return tuple(slot.ring for slot in slots if slot.ring)
