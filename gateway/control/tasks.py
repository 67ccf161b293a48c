"""The task supervisor of the control process: the one place where its background work is started and kept.

Work that fails is reported with its traceback, counted, and begun again after a moment: a fault in the check of one
target must not end the checks of all others, let alone `/metrics`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import Any

logger = logging.getLogger("casino.control")

PAUSE_SECONDS = 1.0

Work = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """Background work by key; ends with `stop`."""

    def __init__(self, name: str, count_fault: Callable[[], None]) -> None:
        """`name` is for the log; `count_fault` is called each time some work failed."""
        self._name = name
        self._count_fault = count_fault
        self._running: dict[Hashable, asyncio.Task[None]] = {}

    def keep(self, wanted: Mapping[Hashable, Work]) -> None:
        """Go on with the work whose key is wanted, end all other, begin what is new."""
        for key in self._running.keys() - wanted.keys():
            self._running.pop(key).cancel()
        for key in wanted.keys() - self._running.keys():
            self._running[key] = asyncio.create_task(self._keep_on(wanted[key]))

    async def stop(self) -> None:
        """End everything and wait for it."""
        ending = list(self._running.values())
        self.keep({})
        await asyncio.gather(*ending, return_exceptions=True)

    async def _keep_on(self, work: Work) -> None:
        while True:
            try:
                await work()
            except Exception:
                logger.exception("task_failed", extra={"fields": {"casino.task": self._name}})
                self._count_fault()
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return
