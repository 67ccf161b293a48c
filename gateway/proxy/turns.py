"""Costly work done piece by piece, one in a turn of the event loop: between two of them it reads and answers all others.

It decides when, never whether: how many may wait is the business of those who put them here.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.proxy.exchange import Exchange


class Turns:
    """The turns of one worker's loop, for work of one kind."""

    __slots__ = ("_loop", "_taken", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._taken = False
        self._waiting: deque[tuple[Exchange, Callable[[], None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many are put off."""
        return len(self._waiting)

    def take(self) -> bool:
        """Take this turn for work that is done at once; False if it is taken, or others are before it."""
        if self._taken:
            return False
        self._begin()
        return True

    def put(self, exchange: Exchange, step: Callable[[], None]) -> None:
        """Put off a step of an exchange that waits; those are taken in order, and not for a client that has left."""
        self._waiting.append((exchange, step))
        if not self._taken:
            self._begin()

    def _begin(self) -> None:
        self._taken = True
        self._loop.call_soon(self._next)

    def _next(self) -> None:
        self._taken = False
        while self._waiting:
            exchange, step = self._waiting.popleft()
            if not exchange.over:
                self._begin()
                exchange.client.go_on(step)
                return
