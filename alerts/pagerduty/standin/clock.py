"""The stand-in's clock: it may run faster than the wall's, and be put forward. It never goes back."""

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch, as the stand-in counts them; it begins with the wall's."""

    def __init__(self, scale: float = 1.0, wall: Callable[[], float] = time.monotonic) -> None:
        self.scale = scale
        self._wall = wall
        self._since = wall()
        self._then = time.time()

    def now(self) -> float:
        return self._then + (self._wall() - self._since) * self.scale

    def run(self, scale: float) -> None:
        """Let it run at another speed from now on."""
        self._then, self._since = self.now(), self._wall()
        self.scale = scale

    def forward(self, seconds: float) -> None:
        """Put it forward at once."""
        self._then += seconds
