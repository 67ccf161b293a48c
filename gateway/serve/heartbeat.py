"""Judges whether a process hangs: its heartbeat stands still, and it is not merely waiting for its turn on the CPU.

A process that waits for the CPU on a saturated machine is runnable and consumes nothing; it must not be killed for
that. One that sleeps, is stopped, or burns CPU without turning its loop will not come back by itself.
"""

from collections.abc import Callable
from enum import StrEnum

from gateway.store.vitals import Vitals

NOTICE_SECONDS = 0.15
"""From here on the process is looked at; its loop should turn every 0.05 s."""
STALE_SECONDS = 0.5
BUSY_SECONDS = 0.4
"""CPU consumed since it was noticed."""
SILENT_SECONDS = 2.5
"""Whatever its state."""
STARTING_SECONDS = 10.0
"""Before its first beat."""

_STOPPED = frozenset("Tt")
_WAITING = frozenset("SD")


class Hang(StrEnum):
    """How it hangs; the label `reason` of a death."""

    STOPPED = "stopped"
    BLOCKED = "blocked"
    BUSY = "busy"
    SILENT = "silent"


class Pulse:
    """One life of one process."""

    def __init__(self) -> None:
        self._beat_ns = 0
        self._cpu_seconds: float | None = None
        self._last_state = ""

    def judge(self, *, beat_ns: int, started: bool, age_seconds: float, look: Callable[[], Vitals]) -> Hang | None:
        """Say how it hangs, or None.

        `beat_ns` is its latest beat, `started` whether that was not the very first, `age_seconds` how long ago.
        """
        if beat_ns != self._beat_ns:
            self._beat_ns, self._cpu_seconds, self._last_state = beat_ns, None, ""
        if age_seconds < NOTICE_SECONDS:
            return None
        seen = look()
        if self._cpu_seconds is None:
            self._cpu_seconds = seen.cpu_seconds
        last_state, self._last_state = self._last_state, seen.state
        if age_seconds >= (SILENT_SECONDS if started else STARTING_SECONDS):
            return Hang.SILENT
        if age_seconds < STALE_SECONDS:
            return None
        if not started:
            return Hang.STOPPED if {last_state, seen.state} <= _STOPPED else None
        return _stale({last_state, seen.state}, seen.cpu_seconds - self._cpu_seconds)


def _stale(states: set[str], consumed_seconds: float) -> Hang | None:
    """Two looks in a row must agree: one may fall into the moment between a timer and the turn it causes."""
    if states <= _STOPPED:
        return Hang.STOPPED
    if states <= _WAITING:
        return Hang.BLOCKED
    return Hang.BUSY if consumed_seconds >= BUSY_SECONDS else None
