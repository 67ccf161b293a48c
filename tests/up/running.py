"""`casino up` in a process of its own, and what tests ask of it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.checkout import ROOT
from tests.waiting import until

UNWATCHED = ("--only", "games,gateway,load")
"""Without Prometheus and what follows it: they take seconds to start."""
ELSEWHERE = ("--free-ports", "examples/casino.yaml")
GUIDE = "Ctrl-C stops it"


class Running:
    """One that runs, once it said where to look."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output
        until(self.is_up, seconds=100)
        self.gateway, self.control = self.place("gateway"), self.place("control").removesuffix("/ready")
        self.https = re.search(r"https://[^/]+", self.said)[0]
        self.folder = Path(self.place("output"))
        self.pids = set(descendants(process.pid))

    @property
    def said(self) -> str:
        return self.output.read_text()

    def place(self, word: str) -> str:
        """Return the first address that stands behind a word."""
        return re.search(rf"^  {word} +(\S+)", self.said, re.MULTILINE)[1]

    def places(self, word: str) -> list[str]:
        return re.search(rf"^  {word} +(.+)", self.said, re.MULTILINE)[1].split()

    def wait_until(self, holds, seconds: float = 40.0) -> None:
        until(holds, seconds=seconds)

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.said
        return GUIDE in self.said

    def child(self, word: str) -> int:
        """The process started with a word in its command line."""
        lines = {pid: Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in children(self.process.pid)}
        [found] = (pid for pid, words in lines.items() if word in words)
        return found

    def ends(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


def children(parent: int) -> list[int]:
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if state(path)[1:] == [str(parent)]]


def descendants(parent: int) -> Iterator[int]:
    for child in children(parent):
        yield child
        yield from descendants(child)


def state(path: Path) -> list[str]:
    """The state and the parent of a process; nothing when it is gone."""
    try:
        return path.read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return []


def lives(pid: int) -> bool:
    return state(Path(f"/proc/{pid}/stat"))[:1] not in ([], ["Z"])


@contextmanager
def started(
    folder: Path, *words: str, where: tuple[str, ...] = ELSEWHERE, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start it, on free ports unless `where` says otherwise; give the process, and the file with all it says."""
    output = folder / "output"
    places = {"TMPDIR": str(folder), "RUNTIME_DIRECTORY": str(folder / "run")}
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "casino", "up", *where, *words],
            cwd=ROOT, env={**os.environ, **places, **environment}, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process, output
    finally:
        process.kill()
        process.wait()


@contextmanager
def running(folder: Path, *words: str, **environment: str) -> Iterator[Running]:
    """Start it and wait until it says where to look."""
    with started(folder, *words, **environment) as (process, output):
        yield Running(process, output)
