"""How control waits: for what others write into shared memory (there is nothing to be woken by), and between two calls."""

import asyncio
import random
from collections.abc import Callable

TICK_SECONDS = 0.01
DRIFT_RATIO = 0.1


async def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition, but not longer: what is late is reported by whoever looks next, not waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds() and loop.time() < deadline:
        await asyncio.sleep(TICK_SECONDS)


def drifting(seconds: float) -> float:
    """Give a pause like this one, a little longer or shorter: gateways that started together must not ask in step."""
    return seconds * (1 + DRIFT_RATIO * random.uniform(-1, 1))  # noqa: S311 - spreads load, guards nothing
