"""Something done again and again beside a measurement: a watch, a sample, a disturbance."""

import threading
from collections.abc import Callable
from typing import Self


class Meanwhile:
    """Calls `step` every so many seconds, in a thread of its own, while its block runs."""

    def __init__(self, step: Callable[[], None], *, every_seconds: float) -> None:
        self._step = step
        self._every_seconds = every_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _repeat(self) -> None:
        while not self._done.wait(self._every_seconds):
            self._step()
