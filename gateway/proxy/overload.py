"""Sheds load early: when the event loop falls behind, a share of new requests is refused at once, while it is cheap.

The share follows how late the loop's timers run: it grows while they are later than the target and falls back when
they are not. Health checks pass before it is asked.
"""

from typing import Final

TARGET_LAG_SECONDS: Final = 0.03
"""Lateness that is still called busy; a loop iteration of a worker at its limit takes about this long."""
_GROWTH: Final = 0.1
_DECAY: Final = 0.05
_MOST: Final = 0.95
_GOLDEN: Final = 0.6180339887498949


class Overload:
    """The share of requests refused now."""

    __slots__ = ("_at", "share")

    def __init__(self) -> None:
        self.share = 0.0
        self._at = 0.0

    def observe(self, lag_seconds: float) -> None:
        """Learn how late the last tick was."""
        if lag_seconds > TARGET_LAG_SECONDS:
            self.share = min(_MOST, self.share + _GROWTH * min(2.0, lag_seconds / TARGET_LAG_SECONDS - 1))
        elif self.share:
            self.share = max(0.0, self.share - _DECAY)

    def shed(self) -> bool:
        """Say whether the next request is refused; refusals are spread evenly among requests."""
        if not self.share:
            return False
        self._at = (self._at + _GOLDEN) % 1.0
        return self._at < self.share
