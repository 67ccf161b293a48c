"""The process tree of one build: starts its children, replaces what dies or hangs, and ends them in order.

No asyncio, no threads, nothing that waits: each turn of the loop looks at everything. The supervisor must stay small,
since nobody replaces it.
"""

import signal
import time
from collections.abc import Callable, Sequence

import msgspec

from exporters.catalog.gateway import RUN_DIR_LOST
from gateway.serve import drain
from gateway.serve.children import Child
from gateway.serve.events import Event, emit
from gateway.serve.ground import Ground
from gateway.serve.notify import Notifier
from gateway.serve.signals import SignalQueue
from gateway.serve.succession import UPGRADE_SECONDS, Succession
from gateway.serve.upgrade import Taken
from gateway.spec.listen import Drain
from gateway.store.process import Phase
from gateway.store.slot import Slot, Word

TURN_SECONDS = 0.05
_STOOD_STILL_SECONDS = 0.25
"""A turn this late means that the supervisor itself did not run; its children may not have either."""
_UPGRADE_DEATHS = 3
_RELOAD_SECONDS = 10.0


class Ended(msgspec.Struct, frozen=True):
    """How the tree ended."""

    exit_code: int
    handed_over: bool = False
    """The next build serves on the same sockets."""
    starts_anew: bool = False
    """The run directory is lost: a new build has to begin in this process."""


class Tree:
    """The running build."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        slot: Slot,
        policy: Drain,
        succession: Succession,
        taken: Taken | None,
        notifier: Notifier,
        signals: SignalQueue,
        ground: Ground,
        obstacle: Callable[[], str | None],
    ) -> None:
        """`children` are workers, control and writer; `taken` is the line to the build this one replaces.

        `obstacle` says why a start would fail now, or None.
        """
        self._children = children
        self._workers = [child for child in children if child.process.number]
        self._writer = next(child for child in children if child.name == "writer")
        self._control = next(child for child in children if child.name == "control")
        self._slot = slot
        self._policy = policy
        self._succession = succession
        self._taken = taken
        self._notifier = notifier
        self._signals = signals
        self._ground = ground
        self._obstacle = obstacle
        self._lost = slot.tally.index(RUN_DIR_LOST, ())
        self._timeline: drain.Timeline | None = None
        self._stopping_since: float | None = None
        self._interrupted = False
        self._is_ready = False
        self._ended = Ended(0)
        self._born = self._last_turn = time.monotonic()
        self._resumed_ns = 0
        self._reload_until: float | None = None

    def run(self) -> Ended:
        """Supervise until everything has ended."""
        while True:
            asked = self._signals.wait(TURN_SECONDS)
            now = time.monotonic()
            self._notice_own_pause(now)
            for number in asked:
                self._obey(number, now)
            if self._succession.turn(now):
                self._ended = Ended(0, handed_over=True)
                self._stop(drain.give_way(now, self._policy))
            self._look_after_ground(now)
            phase = self._move_phase(now)
            self._tend(now, phase)
            if phase is Phase.STOP and self._end(now):
                # a next build that was given everything and is just starting needs it still
                given = self._succession.has_given
                return msgspec.structs.replace(self._ended, handed_over=self._ended.handed_over or given)
            self._tell(now)
            self._slot.beat()

    def _notice_own_pause(self, now: float) -> None:
        if now - self._last_turn > _STOOD_STILL_SECONDS:
            self._resumed_ns = time.monotonic_ns()
        self._last_turn = now

    def _obey(self, number: signal.Signals, now: float) -> None:
        match number:
            case signal.SIGINT if self._interrupted:
                self._stop(drain.at_once(now))
            case signal.SIGTERM | signal.SIGINT:
                self._interrupted = self._interrupted or number == signal.SIGINT
                if self._ended.starts_anew:  # the drain goes on, to its end
                    self._ended = Ended(0)
                    self._notifier.stopping()
                elif self._timeline is None:
                    self._notifier.stopping()
                    self._stop(drain.drain(now, self._policy, was_ready=self._is_ready))
            case signal.SIGHUP:
                emit(Event.RELOAD_ASKED)
                self._slot.words[Word.RELOADS] += 1
                self._reload_until = now + _RELOAD_SECONDS
                self._notifier.reloading()
            case signal.SIGUSR1:
                emit(Event.REOPEN_ASKED)
                self._slot.words[Word.REOPENS] += 1
            case signal.SIGUSR2 if self._timeline is None:
                self._succession.start(now)

    def _stop(self, timeline: drain.Timeline) -> None:
        self._timeline = timeline
        emit(Event.DRAINING)

    def _look_after_ground(self, now: float) -> None:
        """Without its run directory the gateway serves on, but replaces nobody: end in order, then start anew.

        A start that would fail now, as with a spec that is being edited, waits: what serves, serves on.
        """
        if self._timeline is not None or self._succession.has_given or not self._ground.is_due(now):
            return
        lost = self._ground.lost(now)
        if lost is None:
            self._slot.tally.values[self._lost] = 0
            return
        obstacle = self._obstacle()
        if not self._slot.tally.values[self._lost]:
            self._slot.tally.values[self._lost] = 1
            more = {"error.message": obstacle} if obstacle else {}
            emit(Event.RUN_DIR_LOST, "error", {"file.path": str(lost), **more})
        if obstacle is None:
            self._ended = Ended(1, starts_anew=True)
            self._stop(drain.drain(now, self._policy, was_ready=self._is_ready))

    def _move_phase(self, now: float) -> Phase:
        """Move on in the drain; the word never goes back."""
        before = Phase(self._slot.words[Word.PHASE])
        if self._timeline is None:
            return before
        alive = sum(child.pid is not None for child in self._workers)
        phase = max(before, self._timeline.phase(now, workers=alive))
        self._slot.words[Word.PHASE] = phase
        return phase

    def _tend(self, now: float, phase: Phase) -> None:
        now_ns = time.monotonic_ns()
        for child in self._children:
            child.reap(now, ends=phase >= Phase.CLOSING)
            is_wanted = phase < Phase.CLOSING or (phase is Phase.CLOSING and child not in self._workers)
            if is_wanted:
                child.start_if_due(now)
            child.judge(now_ns, self._resumed_ns)

    def _end(self, now: float) -> bool:
        """Kill what outstays its time; True once nothing is left."""
        if self._stopping_since is None:
            self._stopping_since = now
        waited_seconds = now - self._stopping_since
        for child in self._children:
            if waited_seconds >= (drain.WRITER_SECONDS if child is self._writer else drain.END_SECONDS):
                child.kill()
        return all(child.pid is None for child in self._children)

    def _tell(self, now: float) -> None:
        """Say what others wait to hear: ready, reloaded, alive."""
        if self._timeline is None and not self._is_ready:
            self._become_ready(now)
        if self._is_ready and self._reload_until is not None and (self._has_reloaded() or now >= self._reload_until):
            self._reload_until = None
            self._notifier.ready()
        self._notifier.alive(now)

    def _become_ready(self, now: float) -> None:
        if all(child.is_ready for child in self._children):
            self._is_ready = True
            self._take_place()
            self._notifier.ready()
            emit(Event.READY, fields={"casino.start_seconds": round(now - self._born, 3)})
        elif self._taken and (reason := self._failure(now)):
            emit(Event.UPGRADE_ABANDONED, "error", {"event.reason": reason})
            self._taken.close()
            self._ended = Ended(1, handed_over=True)
            self._stop(drain.give_way(now, self._policy))

    def _take_place(self) -> None:
        """Be the build that the next one finds, and let the one before go."""
        self._succession.publish()
        if self._taken:
            self._taken.say_ready()
            self._taken = None

    def _failure(self, now: float) -> str | None:
        """Why this build will not replace the old one; a single start may take its time, an upgrade has an alternative."""
        failed = [child.name for child in self._children if child.deaths >= _UPGRADE_DEATHS]
        if failed:
            return f"{', '.join(failed)} died {_UPGRADE_DEATHS} times"
        if now - self._born < UPGRADE_SECONDS:
            return None
        waiting = [child.name for child in self._children if not child.is_ready]
        return f"{', '.join(waiting)} not ready within {UPGRADE_SECONDS:g} s"

    def _has_reloaded(self) -> bool:
        """Control has dealt with every reload asked for."""
        return bool(self._control.process.slot.words[Word.RELOADS] >= self._slot.words[Word.RELOADS])
