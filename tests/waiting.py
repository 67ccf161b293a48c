"""Waiting for what must come true, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 20.0
"""Far more than anything takes on an idle machine: a test that waits so long has failed."""
LOOK_SECONDS = 0.005


def until(holds: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS, look_seconds: float = LOOK_SECONDS) -> Any:
    """Wait for a condition and return what it found; fail when it does not come true in time.

    What is waited for minutes is looked at less often, not to take the time of what it waits for.
    """
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(look_seconds)
    return found
