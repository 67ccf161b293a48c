"""The handshakes of one worker: together at most half of its time, so that a flood starves nobody.

A handshake costs as much as ten requests, and whoever begins one has proved nothing yet. The newest goes first: where all
are done at once it makes no difference, and in a flood the oldest have given up already.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from exporters.catalog.gateway import HANDSHAKES

if TYPE_CHECKING:
    import asyncio

    from gateway.core.tls import Handshake
    from gateway.proxy.secured import Secured
    from gateway.store.tally import Tally

_MOST: Final = 2_000
"""Under way at the same time; beyond it the oldest is given up, which in a flood is none of those who mean it."""
_SLICE_SECONDS: Final = 0.002
"""What others wait for at most."""
_FAILURES: Final = ("refused", "certificate", "timeout", "left", "crowded")


class Handshakes:
    """What is under way, and how it ended."""

    __slots__ = ("_failed", "_loop", "_queue", "_runs", "_tally", "_under_way", "_values")

    def __init__(self, loop: asyncio.AbstractEventLoop, tally: Tally) -> None:
        self._loop = loop
        self._tally = tally
        self._values = tally.values
        self._under_way: dict[Secured, None] = {}
        self._queue: dict[Secured, None] = {}
        self._runs = False
        self._failed: dict[str, int] = {}

    def begin(self) -> None:
        """Let every series be there at 0, once a listener speaks TLS."""
        self._failed = {result: self._tally.index(HANDSHAKES, (result, "-")) for result in _FAILURES}
        for version in ("1.2", "1.3"):
            for result in ("full", "resumed"):
                self._tally.index(HANDSHAKES, (result, version))

    def queue(self, secured: Secured) -> None:
        """Let one go on as soon as there is time."""
        self._under_way[secured] = None
        if len(self._under_way) > _MOST:
            next(iter(self._under_way)).give_up()
        self._queue[secured] = None
        if not self._runs:
            self._runs = True
            self._loop.call_soon(self._run)

    def done(self, secured: Secured, handshake: Handshake) -> None:
        self._under_way.pop(secured, None)
        result = "resumed" if handshake.resumed else "full"
        self._values[self._tally.index(HANDSHAKES, (result, handshake.version))] += 1

    def failed(self, secured: Secured, result: str) -> None:
        self._under_way.pop(secured, None)
        self._queue.pop(secured, None)
        self._values[self._failed[result]] += 1

    def _run(self) -> None:
        """Work for a slice, then leave as much to others."""
        begun = perf_counter()
        spent = 0.0
        queue = self._queue
        try:
            while queue and spent < _SLICE_SECONDS:
                queue.popitem()[0].advance()
                spent = perf_counter() - begun
        finally:  # a bug costs the one it struck
            self._runs = bool(queue)
            if queue:
                self._loop.call_later(spent, self._run)
