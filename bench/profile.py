"""Where one worker of Casino spends its time under load: Python functions by py-spy, native ones by perf.

`python -m bench profile`. py-spy samples the interpreter from outside, so the worker runs the code it runs in
production; perf, when it is there, tells how much is the kernel, uvloop and llhttp.
"""

import collections
import subprocess
import sys
import threading
from pathlib import Path

from bench.connections import held_by
from bench.load import wrk
from bench.machine import choose_cores, pinned, raise_open_files
from bench.product import CASINO, Entrant, find
from bench.serving import Running, serving, upstream

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
    report = [tool("perf"), "report", "-i", str(out), "--stdio", "--sort", "dso,symbol", "--percent-limit", "0.7"]
    with pinned(core):
        subprocess.run(record, check=True, capture_output=True, timeout=seconds + 30)
        done = subprocess.run(report, check=True, capture_output=True, text=True, timeout=60)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("#"))


def tool(name: str) -> str:
    """Find a profiler.

    Raises:
        SystemExit: it is not installed.

    """
    found = find(name)
    if found is None:
        raise SystemExit(f"bench: {name} is not installed (pip install --group bench)")
    return found


def busiest_worker(running: Running) -> int:
    held = held_by(running.tree.pids(), running.places.public)
    return max(held, key=held.__getitem__)


def profile(*, seconds: float) -> int:
    """Run one worker under the small GET and print its top functions."""
    raise_open_files()
    cores = choose_cores()
    with upstream(cores.load) as behind, serving(Entrant("casino", CASINO), behind, cores) as running:
        wrk(running.url(), seconds=1, core=cores.load)
        whole = 2 * seconds + 4
        load = threading.Thread(target=lambda: wrk(running.url(), seconds=whole, core=cores.load))
        load.start()
        try:
            while not any(held_by(running.tree.pids(), running.places.public).values()):
                load.join(0.05)
            worker = busiest_worker(running)
            python = sample_python(worker, seconds, running.places.directory / "py-spy", cores.load)
            native = sample_native(worker, seconds, running.places.directory / "perf", cores.load)
        finally:
            load.join()
    sys.stdout.write(f"Python, worker {worker}\n{python}\n\nNative\n{native}\n")
    return 0
