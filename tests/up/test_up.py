import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("stack")


class Running:
    """`casino up` in a process of its own, once it said where to look."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output
        self.wait_until(lambda: "Ctrl-C stops it" in self.said)
        self.gateway, self.control = self.place("gateway"), self.place("control").removesuffix("/ready")
        self.https = re.search(r"https://[^/]+", self.said)[0]
        self.folder = Path(self.place("output"))
        self.pids = set(descendants(process.pid))

    @property
    def said(self) -> str:
        return self.output.read_text()

    def place(self, word: str) -> str:
        return re.search(rf"^  {word} +(\S+)", self.said, re.MULTILINE)[1]

    def wait_until(self, holds, seconds: float = 40.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

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
def running(folder: Path, *words: str) -> Iterator[Running]:
    output = folder / "output"
    places = {"TMPDIR": str(folder), "RUNTIME_DIRECTORY": str(folder / "run")}
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "casino", "up", "--free-ports", "examples/casino.yaml", *words],
            cwd=ROOT, env={**os.environ, **places}, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield Running(process, output)
    finally:
        process.kill()
        process.wait()


def test_it_serves_both_games_sends_traffic_and_leaves_nothing(tmp_path):
    with running(tmp_path, "--load", "50") as up:
        assert httpx.get(f"{up.gateway}/roll/6").json()["sides"] == 6
        assert httpx.get(f"{up.https}/roll/6", verify=False).json()["sides"] == 6
        assert httpx.get(f"{up.gateway}/cards/5").json()["version"] == "poker"
        assert httpx.get(f"{up.gateway}/cards/5", headers={"X-Beta": "1"}).json()["version"] == "pokemon"
        up.wait_until(lambda: httpx.get(f"{up.control}/stats").json()["requests_per_second"]["1s"] > 10)
        assert up.ends(signal.SIGINT) == 0
        assert not any(map(lives, up.pids))
        assert not up.folder.exists()


def test_a_game_switched_to_fail_is_left_out(tmp_path):
    """What docs/getting-started.md invites its reader to see."""
    with running(tmp_path, "--load", "50") as up:
        game = up.place("dice v1")

        def ejected() -> bool:
            return httpx.get(f"{up.control}/stats").json()["upstreams"]["dice"]["v1"]["targets"][game]["ejected"]

        httpx.put(f"{game}/switches", json={"errors": "100%"}).raise_for_status()
        up.wait_until(ejected)
        assert ejected()


def test_a_game_that_is_killed_is_reported_and_the_rest_goes_on(tmp_path):
    with running(tmp_path) as up:
        os.kill(up.child("v2"), signal.SIGKILL)
        up.wait_until(lambda: "was killed by SIGKILL" in up.said)
        assert httpx.get(f"{up.gateway}/cards/5").status_code == 200
        assert up.ends(signal.SIGTERM) == 0
        assert not any(map(lives, up.pids))


def test_when_the_gateway_dies_everything_ends_and_its_output_is_kept(tmp_path):
    with running(tmp_path) as up:
        os.kill(up.child("serve"), signal.SIGKILL)
        assert up.process.wait(timeout=20) == 1
        up.wait_until(lambda: not any(map(lives, up.pids)))
        assert (up.folder / "gateway.log").exists()


def test_when_it_is_killed_itself_everything_ends_too(tmp_path):
    with running(tmp_path, "--load") as up:
        assert len(up.pids) >= 9
        up.process.kill()
        up.wait_until(lambda: not any(map(lives, up.pids)))


def test_a_spec_that_cannot_be_used_is_told_before_anything_starts(tmp_path):
    bad = tmp_path / "casino.yaml"
    bad.write_text("casino: 1\nrouts: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "casino", "up", bad], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert f"{bad}:2:1: error:" in done.stderr
