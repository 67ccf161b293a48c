"""Costly work done piece by piece, one in a turn of the event loop: between two of them it reads and answers all others.

It decides when, never whether: how many may wait is the business of those who put them here.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.proxy.exchange import Exchange
    from gateway.proxy.outbox import Outbox


class Turns:
    """The turns of one worker's loop, for work of one kind."""

    __slots__ = ("_due", "_outbox", "_stood_back", "_waiting")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._due = False
        self._stood_back = False
        self._waiting: deque[tuple[Exchange, Callable[[], None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many are put off."""
        return len(self._waiting)

    def put(self, exchange: Exchange, step: Callable[[], None]) -> None:
        """Put off a step of an exchange that waits; those are taken in order, and not for a client that has left."""
        self._waiting.append((exchange, step))
        self._ask()

    def _ask(self) -> None:
        if not self._due:
            self._due = True
            self._outbox.behind(self._next)

    def _next(self) -> None:
        self._due = False
        # Answers that came about since leave first, but once only: under load there always are some.
        self._stood_back = self._outbox.waiting and not self._stood_back
        if not self._stood_back:
            self._take()
        if self._waiting:
            self._ask()

    def _take(self) -> None:
        while self._waiting:
            exchange, step = self._waiting.popleft()
            if not exchange.over:
                exchange.client.go_on(step)
                return
