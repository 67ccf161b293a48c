"""One child of the supervisor through all its lives: forked, watched, reaped, and forked again on the same slot."""

import os
import signal
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import NoReturn

import msgspec

from exporters.catalog.gateway import CRASH_LOOP, PROCESS_DEATHS, PROCESS_STARTS
from gateway.serve.events import Event, emit, emit_crash
from gateway.serve.heartbeat import Hang, Pulse
from gateway.serve.orphan import die_with
from gateway.serve.signals import ASKING
from gateway.store.process import Process
from gateway.store.slot import Slot, Word
from gateway.store.tally import Tally
from gateway.store.vitals import vitals

Main = Callable[[Process], None]
"""What a child runs; when it returns, the child ends."""

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
HEALTHY_SECONDS = 10.0
"""A life this long ends a crash loop; the first death after it is answered at once."""


class End(StrEnum):
    """How it ended by itself; the label `reason` of a death beside those of `Hang`."""

    EXITED = "exited"
    KILLED = "killed"


class Child:
    """One process of the tree and its successors."""

    def __init__(self, main: Main, process: Process, tally: Tally, leave: Callable[[], None]) -> None:
        """`tally` counts starts and deaths; `leave` runs in the child and closes what is the supervisor's alone."""
        self.process = process
        self.name = process.name
        self.pid: int | None = None
        self.deaths = 0
        self._main = main
        self._leave = leave
        self._tally = tally
        self._pulse = Pulse()
        self._answered = 0
        self._answered_ns = 0
        self._born = 0.0
        self._due = 0.0
        self._early_deaths = 0
        self._hang: Hang | None = None
        self._begin_series()

    def _begin_series(self) -> None:
        """Let every series be there at 0: Prometheus takes no increase from one that begins at 1."""
        self._tally.index(PROCESS_STARTS, (self.name,))
        self._tally.index(CRASH_LOOP, (self.name,))
        for reason in (*End, *Hang):
            self._tally.index(PROCESS_DEATHS, (self.name, reason.value))

    @property
    def is_ready(self) -> bool:
        """Its loop turns, and if it is a worker it has applied a snapshot."""
        words = self.process.slot.words
        beats = self.pid is not None and words[Word.HEARTBEAT] > words[Word.STARTED]
        return beats and (self.process.number == 0 or words[Word.GENERATION] > 0)

    def start_if_due(self, now: float) -> None:
        """Fork it, unless it lives or its crash loop makes it wait."""
        if self.pid is None and now >= self._due:
            self._born = now
            self._hang = None
            self._pulse = Pulse()
            words = self.process.slot.words
            words[Word.HEARTBEAT] = words[Word.STARTED] = self._answered_ns = time.monotonic_ns()
            self._answered = words[Word.SEQUENCE]
            try:
                self.pid = _fork(self._main, self.process, self._leave)
            except OSError as refused:  # no memory or no process left; the machine may recover
                self._died(now, 0, {"process.name": self.name, "error.message": str(refused)})
                return
            self._tally.add(PROCESS_STARTS, (self.name,))
            emit(Event.PROCESS_STARTED, fields={"process.name": self.name, "process.pid": self.pid})

    def judge(self, now_ns: int, resumed_ns: int) -> None:
        """Kill it if it hangs. What it missed while the supervisor itself stood still does not count against it."""
        if self.pid is None or self._hang:
            return
        if self._early_deaths and now_ns / 1e9 - self._born >= HEALTHY_SECONDS:
            self._loop(0)
        words = self.process.slot.words
        beat_ns = self._last_sign_ns(now_ns)
        age_seconds = (now_ns - max(beat_ns, resumed_ns)) / 1e9
        pid = self.pid
        self._hang = self._pulse.judge(
            beat_ns=beat_ns,
            started=beat_ns > words[Word.STARTED],
            age_seconds=age_seconds,
            look=lambda: vitals(pid),
        )
        if self._hang:
            fields = {"process.name": self.name, "process.pid": pid, "event.reason": self._hang.value}
            emit(Event.PROCESS_HUNG, "error", {**fields, "casino.silent_seconds": round(age_seconds, 3)})
            self.kill()

    def _last_sign_ns(self, now_ns: int) -> int:
        """When it last showed that it lives: a worker with thousands of busy clients answers many before its loop turns."""
        words = self.process.slot.words
        answered = words[Word.SEQUENCE]
        if answered != self._answered:
            self._answered, self._answered_ns = answered, now_ns
        return max(words[Word.HEARTBEAT], self._answered_ns)

    def kill(self) -> None:
        """End it without asking, if it lives."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)

    def reap(self, now: float, *, ends: bool) -> None:
        """Notice that it has ended; `ends` says that it was meant to."""
        if self.pid is None:
            return
        reaped, status = os.waitpid(self.pid, os.WNOHANG)
        if not reaped:
            return
        code = os.waitstatus_to_exitcode(status)
        fields = {"process.name": self.name, "process.pid": self.pid, "process.exit_code": code}
        self.pid = None
        self.process.slot.words[Word.PID] = 0
        if ends and code == 0:
            emit(Event.PROCESS_ENDED, fields=fields)
            return
        self._died(now, code, fields)

    def _died(self, now: float, code: int, fields: dict[str, object]) -> None:
        reason = self._hang or (End.KILLED if code < 0 else End.EXITED)
        lived_seconds = now - self._born
        self.deaths += 1
        pause_seconds = self._loop(self._early_deaths + 1)
        self._due = now + pause_seconds
        self._tally.add(PROCESS_DEATHS, (self.name, reason.value))
        more = {"event.reason": reason.value, "casino.lived_seconds": round(lived_seconds, 3)}
        emit(Event.PROCESS_ENDED, "error", {**fields, **more, "casino.pause_seconds": pause_seconds})

    def _loop(self, early_deaths: int) -> float:
        """Note how many early deaths came in a row; return how long the next start waits, nothing after the first."""
        self._early_deaths = early_deaths
        doublings = min(early_deaths, 10) - 2
        pause_seconds = min(FIRST_PAUSE_SECONDS * 2.0**doublings, LONGEST_PAUSE_SECONDS) if early_deaths > 1 else 0.0
        self._tally.values[self._tally.index(CRASH_LOOP, (self.name,))] = int(pause_seconds * 1e9)
        return pause_seconds


def _fork(main: Main, process: Process, leave: Callable[[], None]) -> int:
    """Fork `main`. No signal meant for the supervisor can reach its queue through the child."""
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        pid = os.fork()
        if pid == 0:
            _live_and_exit(main, process, leave, parent)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
    return pid


def _live_and_exit(main: Main, process: Process, leave: Callable[[], None], parent: int) -> NoReturn:
    """Whatever happens, no child ever runs on in the supervisor's code."""
    code = 1
    try:
        code = _live(main, process, leave, parent)
    finally:
        os._exit(code)


def _live(main: Main, process: Process, leave: Callable[[], None], parent: int) -> int:
    try:
        leave()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
        die_with(parent)
        slot = Slot.open(process.slot.path, writable=True)  # as it is now, not as the supervisor knew it
        slot.own()
        main(msgspec.structs.replace(process, slot=slot))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException as crash:  # noqa: BLE001 - the task supervisor: whatever it was, it is told and counted
        emit_crash(process.name, crash)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
