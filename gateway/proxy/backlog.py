"""Finds overload where no turn of the loop shows it: in the queue of connections that wait to be accepted.

A turn accepts few of them, so it stays short however long they wait; clients that open a connection for each request would
wait for seconds, and probes of health with them. The rules are those of `overload`: what stands is refused, what passes is not.
"""

from __future__ import annotations

from math import inf
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

from gateway.proxy.overload import BUSY_SECONDS, MEMORY_SECONDS, PATIENCE_SECONDS, RELIEF_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable


class Backlog:
    """How far one worker is behind with one listener."""

    __slots__ = ("_consumed", "_cpu", "_noted", "_refused", "_wall", "refuses", "stands")

    def __init__(self, *, wall: Callable[[], float] = perf_counter, cpu: Callable[[], float] = thread_time) -> None:
        """`wall` and `cpu` give seconds: the time, and what this thread has consumed."""
        self._wall = wall
        self._cpu = cpu
        self._noted = self._refused = -inf
        """When was last told who waited, and when that last made for refusals."""
        self.stands = False
        """Whether it was long when last told."""
        self._consumed = 0.0
        """CPU time when the queue began to stand."""
        self.refuses = False
        """Who is accepted next is refused."""

    def waited(self, seconds: float) -> None:
        """Note for how long the last connections of a batch had waited; 0 if nobody waits any more."""
        now = self._wall()
        remembers = now - self._refused < MEMORY_SECONDS
        fresh = not self.stands or now - self._noted > PATIENCE_SECONDS
        self._noted = now
        self.stands = seconds > (RELIEF_SECONDS if remembers else BUSY_SECONDS)
        if not self.stands:
            self.refuses = False
            return
        if fresh:
            self._consumed = self._cpu()
        self.refuses = self._cpu() - self._consumed > (RELIEF_SECONDS if remembers else PATIENCE_SECONDS)
        if self.refuses:
            self._refused = now
