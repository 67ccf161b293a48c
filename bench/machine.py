"""The machine a run happens on: which cores do what, how busy they are, and how it describes itself.

Cores are given to processes by setting our own affinity while a child is forked: children inherit it.
"""

import os
import platform
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec


class UnfitError(Exception):
    """What was asked for cannot be done here; the text says why."""


class Cores(NamedTuple):
    """Generator and upstream on one, every process of the product on the other."""

    load: int
    product: int


class Machine(msgspec.Struct, frozen=True):
    """What a reader needs to judge the numbers by."""

    processor: str
    cores: int
    memory_bytes: int
    kernel: str
    system: str
    python: str


class CoreTime(NamedTuple):
    """Clock ticks of one core since boot (proc(5), /proc/stat)."""

    busy: int
    stolen: int
    total: int


def choose_cores() -> Cores:
    """Take the two highest cores we may use: the lowest one tends to serve interrupts.

    Raises:
        UnfitError: there is only one.

    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise UnfitError("needs two cores, one for the load and one for the product")
    return Cores(load=allowed[-2], product=allowed[-1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Everything forked within the block stays on this core for its life."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_open_files() -> int:
    """Allow as many descriptors as the hard limit does; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def parse_core_time(stat: str, core: int) -> CoreTime:
    """Read one core's line of /proc/stat."""
    line = next(line for line in stat.splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, idle, iowait, irq, softirq, steal = (int(word) for word in line.split()[1:9])
    busy = user + nice + system + irq + softirq
    return CoreTime(busy=busy, stolen=steal, total=busy + idle + iowait + steal)


def core_time(core: int) -> CoreTime:
    return parse_core_time(Path("/proc/stat").read_text(), core)


def busy_ratio(before: CoreTime, after: CoreTime) -> float:
    return (after.busy - before.busy) / max(1, after.total - before.total)


def stolen_ratio(before: CoreTime, after: CoreTime) -> float:
    """The share of time the hypervisor gave to others: noise that no median removes."""
    return (after.stolen - before.stolen) / max(1, after.total - before.total)


def describe() -> Machine:
    cpu = Path("/proc/cpuinfo").read_text()
    processor = next((line.split(":", 1)[1].strip() for line in cpu.splitlines() if line.startswith("model name")), "?")
    release = platform.freedesktop_os_release()
    return Machine(
        processor=processor,
        cores=os.cpu_count() or 0,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=platform.release(),
        system=release.get("PRETTY_NAME", "Linux"),
        python=platform.python_version(),
    )
