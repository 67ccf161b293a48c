"""A limit over a window that slides: how many calls each key has left right now.

Times are seconds of the stand-in's clock, so a clock that runs faster lets through more calls in a second, and as many
in each of its minutes.
"""

from collections import defaultdict, deque

WINDOW_SECONDS = 60.0
EVENTS_PER_WINDOW = 120
"""Events API Rate Limits: about 120 calls a minute and integration key, over 60 seconds looking back."""
REST_PER_WINDOW = 960
"""REST API Rate Limits: 960 requests a minute and API key."""


class Window:
    """One limit, counted for each key apart. A call that is refused does not count."""

    def __init__(self, most: int, seconds: float = WINDOW_SECONDS) -> None:
        self.most = most
        self._seconds = seconds
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def take(self, key: str, now: float) -> bool:
        """Count one call; False: it is one too many."""
        calls = self._kept(key, now)
        if len(calls) >= self.most:
            return False
        calls.append(now)
        return True

    def left(self, key: str, now: float) -> int:
        return self.most - len(self._kept(key, now))

    def reset_seconds(self, key: str, now: float) -> float:
        """Return how long it takes until the oldest call is forgotten."""
        calls = self._kept(key, now)
        return max(0.0, calls[0] + self._seconds - now) if calls else 0.0

    def _kept(self, key: str, now: float) -> deque[float]:
        calls = self._calls[key]
        while calls and calls[0] <= now - self._seconds:
            calls.popleft()
        return calls
