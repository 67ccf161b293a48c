"""What the kernel says of a process."""

from pathlib import Path
from typing import NamedTuple

_CLOCK_TICKS = 100.0  # USER_HZ: the unit of /proc, the same on every Linux


class Vitals(NamedTuple):
    """The state letter of proc_pid_stat(5), and CPU consumed."""

    state: str
    cpu_seconds: float


def vitals(pid: int) -> Vitals:
    """Read a living process; a child of ours stays readable until it is reaped.

    Raises:
        OSError: there is none.
    """
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return Vitals(fields[0].decode(), (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS)
