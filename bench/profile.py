"""Where one worker of Casino spends its time under load: Python functions by py-spy, native ones by perf.

`casino bench --profile`. py-spy samples the interpreter from outside, so the worker runs the code it runs in
production; perf, when it is there, tells how much is the kernel, uvloop and llhttp.
"""

import collections
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.connections import held_by
from bench.load import wrk
from bench.machine import UnfitError, choose_cores, pinned, raise_open_files
from bench.product import CASINO, Entrant, find
from bench.serving import Running, serving, upstream
from bench.tree import Stat, read_stats

SAMPLES_PER_SECOND = 400
TOP = 30


def count_stacks(raw: str) -> tuple[collections.Counter[str], collections.Counter[str]]:
    """Add up py-spy's raw format (`outer;inner COUNT`): samples by innermost function, and by function anywhere."""
    own: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        for frame in set(frames):
            total[frame] += int(count)
    return own, total


def top_table(own: collections.Counter[str], total: collections.Counter[str]) -> str:
    samples = max(1, sum(own.values()))
    lines = [f"{'own %':>6} {'all %':>6}  function"]
    for frame, count in own.most_common(TOP):
        lines.append(f"{100 * count / samples:6.1f} {100 * total[frame] / samples:6.1f}  {frame}")
    return "\n".join(lines)


def sample_python(pid: int, seconds: float, out: Path, core: int) -> str:
    """Sample a worker's Python stacks."""
    command = [
        tool("py-spy"), "record", "--pid", str(pid), "--duration", str(round(seconds)), "--format", "raw", "--function",
        "--rate", str(SAMPLES_PER_SECOND), "--nonblocking", "--output", str(out),
    ]  # fmt: skip
    with pinned(core):
        subprocess.run(command, check=True, capture_output=True, timeout=seconds + 30)
    return top_table(*count_stacks(out.read_text()))


def sample_native(pid: int, seconds: float, out: Path, core: int) -> str:
    """Sample a worker's native functions, kernel included; perf reads the symbols."""
    if find("perf") is None:
        return "perf is not installed: no native functions"
    record = [tool("perf"), "record", "--quiet", "-F", "499", "-p", str(pid), "-o", str(out), "sleep", str(seconds)]
    report = [
        tool("perf"),
        "report",
        "-i",
        str(out),
        "--stdio",
        "--fields",
        "overhead,dso,symbol",
        "--percent-limit",
        "0.7",
    ]
    with pinned(core):
        subprocess.run(record, check=True, capture_output=True, timeout=seconds + 30)
        done = subprocess.run(report, check=True, capture_output=True, text=True, timeout=60)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("#"))


def tool(name: str) -> str:
    """Find a profiler.

    Raises:
        UnfitError: it is not installed.

    """
    found = find(name)
    if found is None:
        raise UnfitError(f"{name} is not installed (pip install --group bench)")
    return found


def cpu_table(before: dict[int, Stat], after: dict[int, Stat], names: dict[int, str]) -> str:
    """Say how the CPU time between two looks was shared among a product's processes."""
    ticks = {pid: after[pid].ticks - before[pid].ticks for pid in names if pid in before and pid in after}
    whole = max(1, sum(ticks.values()))
    return "\n".join(
        f"{100 * ticks[pid] / whole:6.1f}  {names[pid]} ({pid})"
        for pid in sorted(ticks, key=ticks.__getitem__, reverse=True)
    )


def process_names(running: Running) -> dict[int, str]:
    """Read who is who from the supervisor's own log."""
    names = {running.tree.process.pid: "supervisor"}
    for line in (running.tree.directory / "stderr").read_text().splitlines():
        event = msgspec.json.decode(line)
        if event.get("event.action") == "process_started":
            names[event["process.pid"]] = event["process.name"]
    return names


@contextmanager
def loaded(running: Running, seconds: float, core: int) -> Iterator[int]:
    """Keep 64 connections busy while the block runs; hands over the worker that holds most of them."""
    load = threading.Thread(target=lambda: wrk(running.url(), seconds=seconds, core=core))
    load.start()
    try:
        while not any((held := held_by(running.tree.pids(), running.places.public)).values()):
            load.join(0.05)
        yield max(held, key=held.__getitem__)
    finally:
        load.join()


def profile(*, seconds: float) -> int:
    """Run one worker under the small GET and print what its processes cost and its top functions."""
    raise_open_files()
    cores = choose_cores()
    with upstream(cores.load) as behind, serving(Entrant("casino", CASINO), behind, cores) as running:
        wrk(running.url(), seconds=1, core=cores.load)
        before = read_stats()
        wrk(running.url(), seconds=seconds, core=cores.load)
        shares = cpu_table(before, read_stats(), process_names(running))
        with loaded(running, 2 * seconds + 4, cores.load) as worker:
            python = sample_python(worker, seconds, running.places.directory / "py-spy", cores.load)
            native = sample_native(worker, seconds, running.places.directory / "perf", cores.load)
    sys.stdout.write(f"CPU %, by process\n{shares}\n\nPython, worker {worker}\n{python}\n\nNative\n{native}\n")
    return 0
