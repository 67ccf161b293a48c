"""The old build's side of an upgrade: starts a new build when asked, and decides whether it is waited for any longer.

It never lets go before the new build has said that it serves, and never waits for it without end: a new build that is
stopped halfway would keep every later one away.
"""

import math
import subprocess
import sys

from exporters.catalog.gateway import UPGRADES_ABANDONED
from gateway.serve.events import Event, emit
from gateway.serve.notify import Notifier
from gateway.serve.upgrade import Giver, Outcome
from gateway.store.tally import Tally

UPGRADE_SECONDS = 30.0
"""How long a new build may take to become ready; then it gives itself up, and the old one goes on alone."""
SUCCESSOR_SECONDS = UPGRADE_SECONDS + 15.0
"""How long the old build waits for word from a new one: more than that one takes to give itself up, unless it is stopped."""


class Succession:
    """Who comes after this build. Asked in every turn of the supervisor's loop; never waits."""

    def __init__(self, giver: Giver, *, tally: Tally, notifier: Notifier, patience_seconds: float) -> None:
        """A new build is killed if it has not said within `patience_seconds` what becomes of it."""
        self._giver = giver
        self._tally = tally
        self._notifier = notifier
        self._patience_seconds = patience_seconds
        self._abandoned = tally.index(UPGRADES_ABANDONED, ())
        self._started: subprocess.Popen[bytes] | None = None
        self._until = math.inf

    @property
    def has_given(self) -> bool:
        """A new build holds everything and has not said yet what becomes of it."""
        return self._giver.has_given

    def publish(self) -> None:
        """Let the next build find us."""
        try:
            self._giver.publish()
        except OSError as refused:  # the file system is full: serving goes on, upgrading has to wait
            emit(Event.UPGRADE_UNAVAILABLE, "error", {"error.message": str(refused)})

    def start(self, now: float) -> None:
        """Start this command line again, as an upgrade; the program found there may be a newer build."""
        if self._started:
            return
        emit(Event.UPGRADE_ASKED)
        asked = sys.orig_argv if "--upgrade" in sys.orig_argv else [*sys.orig_argv, "--upgrade"]
        try:
            self._started = subprocess.Popen(asked)  # noqa: S603 - our own command line
        except OSError as refused:
            self._abandon(str(refused))
        else:
            self._until = now + self._patience_seconds

    def turn(self, now: float) -> bool:
        """Get on with it; True once the new build serves."""
        if self._started and self._started.poll() is not None:
            self._started = None
        if pid := self._giver.next_build():
            emit(Event.UPGRADE_BEGUN, fields={"process.pid": pid})
            self._until = now + self._patience_seconds
        match self._giver.outcome():
            case Outcome.READY:
                self._until = math.inf
                emit(Event.UPGRADE_DONE)
                return True
            case Outcome.ENDED:
                self._abandon("the new build ended before it was ready")
                self.publish()
            case Outcome.KILLED:
                self._abandon(self._no_word())
                self.publish()
            case None if now >= self._until:
                self._end()
        return False

    def _end(self) -> None:
        """Kill the new build that says nothing: the one that holds everything, else the one that has not asked for it."""
        if self._giver.has_given:
            self._giver.kill()
        elif self._started:
            self._until = math.inf
            self._started.kill()
            self._abandon(self._no_word())

    def _no_word(self) -> str:
        return f"no word from the new build within {self._patience_seconds:g} s: killed"

    def _abandon(self, reason: str) -> None:
        emit(Event.UPGRADE_ABANDONED, "error", {"event.reason": reason})
        self._tally.values[self._abandoned] += 1
        self._notifier.upgrade_abandoned(reason)
