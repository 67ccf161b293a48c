"""A product's process tree: started on one core, measured as a whole, stopped by pid.

What it costs is read from /proc for the root and every descendant, so that no helper process of a product goes
uncounted. Never signals a process it did not start.
"""

import os
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple, Self

from bench.machine import pinned

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 6.0


class Stat(NamedTuple):
    """The fields of /proc/PID/stat that are used here (proc(5))."""

    parent: int
    session: int
    state: str
    ticks: int
    """User and system time, that of waited-for children included."""
    started: int
    """With the pid, the identity of a process: pids come back."""


class Memory(NamedTuple):
    """Of a set of processes: `pss` shares common pages among their users, `rss` counts them for each."""

    pss_bytes: int
    rss_bytes: int


def parse_stat(text: str) -> Stat:
    """Read /proc/PID/stat; the command may hold spaces and brackets, so it is cut off at its last bracket."""
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(
        parent=int(fields[1]),
        session=int(fields[3]),
        state=fields[0],
        ticks=sum(int(field) for field in fields[11:15]),
        started=int(fields[19]),
    )


def parse_memory(rollup: str) -> Memory:
    """Read /proc/PID/smaps_rollup."""
    sizes = {line.split(":")[0]: line.split()[1] for line in rollup.splitlines() if line.endswith(" kB")}
    return Memory(pss_bytes=int(sizes["Pss"]) * 1024, rss_bytes=int(sizes["Rss"]) * 1024)


def read_stats() -> dict[int, Stat]:
    """Read every process there is; those that end meanwhile are left out."""
    stats: dict[int, Stat] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stats[int(folder.name)] = parse_stat((folder / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return stats


def descendants(root: int, stats: dict[int, Stat]) -> set[int]:
    """Find the root, its session and all their children: an orphan keeps its session, a setsid() keeps its parent."""
    found = {pid for pid, stat in stats.items() if root in (pid, stat.session)}
    while more := {pid for pid, stat in stats.items() if stat.parent in found} - found:
        found |= more
    return {pid for pid in found if pid in stats and stats[pid].state != "Z"}


class Tree:
    """One started command and all that it starts."""

    def __init__(self, command: list[str], *, core: int, directory: Path, environ: dict[str, str]) -> None:
        self.directory = directory
        with (directory / "stdout").open("wb") as out, (directory / "stderr").open("wb") as err, pinned(core):
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=os.environ | environ,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def pids(self) -> set[int]:
        return descendants(self.process.pid, read_stats())

    def cpu_seconds(self) -> float:
        stats = read_stats()
        return sum(stats[pid].ticks for pid in descendants(self.process.pid, stats)) / TICKS_PER_SECOND

    def memory(self, pids: set[int] | None = None) -> Memory:
        parts = [memory_of(pid) for pid in (self.pids() if pids is None else pids)]
        return Memory(sum(part.pss_bytes for part in parts), sum(part.rss_bytes for part in parts))

    def alive(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        texts = [(self.directory / name).read_text(errors="replace")[-1000:] for name in ("stdout", "stderr")]
        return "\n".join(text.strip() for text in texts if text.strip())

    def stop(self) -> None:
        """Ask the root to end; after `STOP_SECONDS` kill whatever is left of the tree."""
        mine = self._identities()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            mine |= self._identities()
        for pid, stat in read_stats().items():
            if (pid, stat.started) in mine:
                kill(pid)
        self.process.wait()

    def _identities(self) -> set[tuple[int, int]]:
        stats = read_stats()
        return {(pid, stats[pid].started) for pid in descendants(self.process.pid, stats)}


def memory_of(pid: int) -> Memory:
    try:
        return parse_memory(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return Memory(0, 0)


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
