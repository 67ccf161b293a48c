"""Sheds load early: when the event loop falls behind, a share of new requests is refused at once, while it is cheap.

The share follows how late the loop's timers run: it grows while they are later than the target and falls back when
they are not. Only a queue of the worker's own counts: lateness in which others had the CPU is left out, and so is what
passes by itself within a moment (RFC 8289 section 3.1: a good queue empties, a bad one stands). Health checks pass
before it is asked.
"""

from typing import Final

TARGET_LAG_SECONDS: Final = 0.1
"""Lateness that is still called busy: some 2,000 requests in one iteration, each answered within a quarter of a second.

Below that, refusing gains nothing: a refusal costs half of what it saves (measured: at 0.03 s two thirds of the goodput).
"""
_PATIENCE_TICKS: Final = 4
"""Late ticks in a row before the first request is refused: at least 0.2 s."""
_GROWTH: Final = 0.1
_DECAY: Final = 0.05
_MOST: Final = 0.95
_GOLDEN: Final = 0.6180339887498949


class Overload:
    """The share of requests refused now."""

    __slots__ = ("_at", "_consumed_seconds", "_late_ticks", "share")

    def __init__(self, consumed_seconds: float) -> None:
        """`consumed_seconds` is the CPU time of the loop's thread so far."""
        self.share = 0.0
        self._at = 0.0
        self._late_ticks = 0
        self._consumed_seconds = consumed_seconds

    def observe(self, lag_seconds: float, consumed_seconds: float) -> None:
        """Learn how late the last tick was, and how much CPU time the loop's thread has consumed by now."""
        late_seconds = min(lag_seconds, consumed_seconds - self._consumed_seconds)
        self._consumed_seconds = consumed_seconds
        if late_seconds > TARGET_LAG_SECONDS:
            self._late_ticks += 1
            if self.share or self._late_ticks >= _PATIENCE_TICKS:
                self.share = min(_MOST, self.share + _GROWTH * min(2.0, late_seconds / TARGET_LAG_SECONDS - 1))
        else:
            self._late_ticks = 0
            self.share = max(0.0, self.share - _DECAY)

    def shed(self) -> bool:
        """Say whether the next request is refused; refusals are spread evenly among requests."""
        if not self.share:
            return False
        self._at = (self._at + _GOLDEN) % 1.0
        return self._at < self.share
