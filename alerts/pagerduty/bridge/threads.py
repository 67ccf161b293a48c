"""The bridge's threads: each is begun again when its work fails, since a fault in one must not silence the others."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger("casino.bridge")

PAUSE_SECONDS = 1.0
JOIN_SECONDS = 20.0
"""A little more than a call to PagerDuty may take."""


class Threads:
    """Work that goes on until `stop`."""

    def __init__(self, count_fault: Callable[[str], None]) -> None:
        """`count_fault` is told the task of each work that failed."""
        self.stopping = threading.Event()
        self._count_fault = count_fault
        self._threads: list[threading.Thread] = []

    def keep(self, task: str, work: Callable[[], None]) -> None:
        """Run work that returns when `stopping` is set."""
        thread = threading.Thread(target=self._keep_on, args=(task, work), name=task, daemon=True)
        self._threads.append(thread)
        thread.start()

    def every(self, task: str, seconds: float, work: Callable[[], None]) -> None:
        """Run work again and again, with a pause before each time."""

        def again() -> None:
            while not self.stopping.wait(seconds):
                work()

        self.keep(task, again)

    def stop(self) -> None:
        """End all and wait for it, within bounds."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def _keep_on(self, task: str, work: Callable[[], None]) -> None:
        while not self.stopping.is_set():
            try:
                work()
            except Exception:
                logger.exception("task_failed", extra={"fields": {"casino.task": task}})
                self._count_fault(task)
                self.stopping.wait(PAUSE_SECONDS)
