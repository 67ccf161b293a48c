"""Writes of one loop iteration, sent together at its end.

A write wakes the process at the other end, and waking an idle core is dear. Writes that follow each other closely find
it awake already; and an answer in two pieces leaves as one. What nobody waits for is done behind the writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
_LARGE_BYTES: Final = 16 * 1024
"""A larger piece goes out at once: one iteration may read 8 MB, which only a write that has stalled can stop."""


class Outbox:
    """What one worker is about to write."""

    __slots__ = ("_behind", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._behind: list[Callable[[], None]] = []

    def put(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write before the loop waits again."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append((transport, data))
        if len(data) > _LARGE_BYTES:
            self.flush()

    @property
    def waiting(self) -> bool:
        """Say whether somebody's bytes have not left."""
        return bool(self._waiting)

    def behind(self, work: Callable[[], None]) -> None:
        """Do this once what waits now has left."""
        if self._waiting:
            self._behind.append(work)
        else:
            self._loop.call_soon(work)

    def flush(self) -> None:
        """Write now: what follows closes a connection."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)
        behind, self._behind = self._behind, []
        for work in behind:  # uvloop sends what was written when this turn of its callbacks is over
            self._loop.call_soon(work)
