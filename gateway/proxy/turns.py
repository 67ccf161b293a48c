"""Costly work done piece by piece, one in a turn of the event loop: between two of them it reads and answers all others.

How many may wait is the business of those who put them here; for how long is decided here, for it depends on all else
that the loop does.
"""

from __future__ import annotations

from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.proxy.exchange import Exchange
    from gateway.proxy.outbox import Outbox


_MOST_WAIT_SECONDS: Final = 1.0


class Turns:
    """The turns of one worker's loop, for work of one kind."""

    __slots__ = ("_due", "_outbox", "_stood_back", "_waiting")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._due = False
        self._stood_back = False
        self._waiting: deque[tuple[float, Exchange, Callable[[], None], Callable[[], None]]] = deque()
        """Since when, whose, and the step to take; or else the one to take when it waited too long."""

    @property
    def waiting(self) -> int:
        """How many are put off."""
        return len(self._waiting)

    def put(self, exchange: Exchange, step: Callable[[], None], give_up: Callable[[], None]) -> None:
        """Put off a step of an exchange that waits; those are taken in order, and not for a client that has left.

        `give_up` is taken instead once it has waited for `_MOST_WAIT_SECONDS`: it costs little, and needs no turn.
        """
        self._waiting.append((perf_counter(), exchange, step, give_up))
        self._ask()

    def tick(self) -> None:
        """Give up what has waited for too long."""
        oldest = perf_counter() - _MOST_WAIT_SECONDS
        while self._waiting and self._waiting[0][0] < oldest:
            _, exchange, _, give_up = self._waiting.popleft()
            if not exchange.over:
                exchange.client.go_on(give_up)

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
            _, exchange, step, _ = self._waiting.popleft()
            if not exchange.over:
                exchange.client.go_on(step)
                return
