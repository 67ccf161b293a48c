"""Waits for what others write into shared memory: there is nothing to be woken by, so it looks again and again."""

import asyncio
from collections.abc import Callable

TICK_SECONDS = 0.01


async def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition, but not longer: what is late is reported by whoever looks next, not waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds() and loop.time() < deadline:
        await asyncio.sleep(TICK_SECONDS)
