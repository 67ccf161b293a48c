"""Claims the run directory: one gateway at a time, and a restart after a crash waits only for what is already dying."""

import contextlib
import time

from gateway.store.rundir import Held, RunDir
from gateway.store.vitals import vitals

_ENDING_SECONDS = 3.0
"""How long the processes of a killed gateway may take to end before a new one gives up."""
_RETRY_SECONDS = 0.02


class AlreadyRunningError(Exception):
    """Another gateway has the run directory; the message names its process."""


def claim(run: RunDir) -> Held:
    """Take the lock of the run directory and sign it.

    The children of a killed supervisor hold it until the kernel has ended them, a moment later.
    """
    deadline = time.monotonic() + _ENDING_SECONDS
    while (held := run.hold()) is None:
        holder = run.holder()
        if (holder and _is_alive(holder)) or time.monotonic() >= deadline:
            raise AlreadyRunningError(f"a gateway runs here already: process {holder} has {run.path}; see --upgrade")
        time.sleep(_RETRY_SECONDS)
        with contextlib.suppress(FileNotFoundError):
            RunDir.prepare(run.path)  # a gateway that stops cleanly removes it, perhaps just now
    RunDir.prepare(run.path)  # it may have got as far as the lock
    held.sign()
    return held


def _is_alive(pid: int) -> bool:
    """A supervisor nobody has reaped yet is dead all the same."""
    try:
        return vitals(pid).state not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
