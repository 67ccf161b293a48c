"""Sheds load early: while more comes than can be done, what is read late in a turn of the loop is refused, cheaply.

A turn reads whatever has arrived meanwhile, so its length is how long the last of it has waited, save for the writes that
follow its end. Only a queue of the worker's own counts: a turn in which others had the CPU is left out, and so is what
passes by itself within a moment (RFC 8289 section 3.1: a good queue empties, a bad one stands). Bytes of bodies are no such
queue, they come as they are taken: the time they need is left out of the turn. Health checks pass before it is asked.
"""

from __future__ import annotations

from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

BUSY_SECONDS: Final = 0.03
"""A turn up to this long is merely busy: what it admits is answered within a few such turns."""
RELIEF_SECONDS: Final = 0.02
"""Once requests were refused, a turn is long from here on: refusals leave with its end."""
MEMORY_SECONDS: Final = 1.0
"""How long all turns must have been shorter for that to be over: what stands again sooner is the same queue."""
DROWNING_SECONDS: Final = 0.1
"""A turn longer than this has no place for callers who are known either; before that they alone are served."""
PATIENCE_SECONDS: Final = 0.2
"""How long turns must have been longer than that before the first request is refused."""

BULK_BYTES: Final = 16 * 1024
"""A piece of a body from this size on is worth a look at the clock; what smaller ones need counts as their requests'."""
_MOST_SECONDS_PER_BYTE: Final = 2e-9
"""What is left out for a byte at most, a few times what it costs: a head that was dear hides behind no body."""


class Overload:
    """How far one worker is behind. Times are seconds, those of requests and turns on the clock `wall`."""

    __slots__ = (
        "_began",
        "_consumed",
        "_cpu",
        "_late_since",
        "_late_until",
        "_long",
        "_loop",
        "_seen",
        "_settle",
        "_wall",
        "drowns",
        "refuses",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settle: Callable[[], None],
        *,
        wall: Callable[[], float] = perf_counter,
        cpu: Callable[[], float] = thread_time,
    ) -> None:
        """`settle` ends a turn that refused, before its answers leave; `cpu` is what the loop's thread has consumed."""
        self._loop = loop
        self._settle = settle
        self._wall = wall
        self._cpu = cpu
        self._began = 0.0
        """When this turn read its first request, moved on by what bodies took since; 0 before that."""
        self._seen = 0.0
        """When this turn last read or admitted a request, or moved a large piece of a body."""
        self._long = BUSY_SECONDS
        """From here on a turn is long."""
        self._late_since = self._late_until = 0.0
        """From the first long turn to the end of the last one; 0 when it has been quiet since."""
        self._consumed = 0.0
        """CPU time when this turn began, or was first found to be long, moved on likewise."""
        self.refuses = False
        """What is read in the rest of this turn is refused, save from callers who are known."""
        self.drowns = False
        """It is refused whoever calls."""

    @property
    def late(self) -> bool:
        """Whether turns are long."""
        return self._late_since > 0

    def behind(self, now: float) -> bool:
        """Say whether a request that is read now is refused."""
        self._seen = now
        if self.refuses:
            self.drowns = now - self._began > DROWNING_SECONDS
            return True
        if not self._began:
            self._began = now
            self._loop.call_soon(self._end_turn)
            if self._late_since:
                self._forget(now)
                self._consumed = self._cpu()
        elif now - self._began > self._long:
            self._judge(now)
        return self.refuses

    def admitted(self) -> None:
        """Count what a request took so far as its own: no piece that follows, of whatever body, leaves it out."""
        if self._began:
            self._seen = self._wall()

    def moved(self, size: int) -> None:
        """Leave out what a piece of a body or of a tunnel took: the time since whatever came before it."""
        if size < BULK_BYTES or not self._began:
            return
        now = self._wall()
        took = min(now - self._seen, size * _MOST_SECONDS_PER_BYTE)
        self._seen = now
        self._began += took
        self._consumed += took

    def _judge(self, now: float) -> None:
        if not self._late_since:
            self._late_since = self._began
            self._consumed = self._cpu()
        if now - self._late_since > PATIENCE_SECONDS:
            self.refuses = self._cpu() - self._consumed > self._long

    def _end_turn(self) -> None:
        now = self._wall()
        if now - self._began > self._long:
            self._late_until = now
        self._began = 0.0
        if self.refuses:
            self.refuses = self.drowns = False
            self._long = RELIEF_SECONDS
            self._settle()

    def _forget(self, now: float) -> None:
        """Be over with it once no turn has been long for a while, be it that there was none at all."""
        if now - self._late_until > (PATIENCE_SECONDS if self._long == BUSY_SECONDS else MEMORY_SECONDS):
            self._late_since = 0.0
            self._long = BUSY_SECONDS
