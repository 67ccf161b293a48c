import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.fetch import wait_until
from bench.product import PRODUCTS, find
from bench.run import installed
from bench.tree import Stat, descendants, read_stats

CHECKOUT = Path(__file__).parents[2]


def skip_without(*programs: str) -> None:
    missing = [program for program in programs if find(program) is None]
    if missing or len(os.sched_getaffinity(0)) < 2:
        pytest.skip(f"needs {', '.join(programs)} and two cores; missing: {missing}")


def test_absent_products_are_named_and_left_out() -> None:
    chosen, missing = installed(["nginx", "krakend"], PRODUCTS)
    assert {product.name for product in chosen} | set(missing) == {"nginx", "krakend"}


def test_unknown_names_are_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "gte"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "unknown: gte" in done.stderr


def test_one_peer_is_measured_from_end_to_end(tmp_path: Path) -> None:
    skip_without("nginx", "wrk")
    words = ["--without-casino", "--peers", "nginx", "--only", "get", "--rounds", "1", "--seconds", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words, "--out", str(tmp_path), "--json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    results = json.loads(done.stdout)
    assert results["problems"] == []
    assert [sample["entrant"] for sample in results["samples"]] == ["direct", "nginx"]
    assert all(sample["values"]["requests_per_second"] > 100 for sample in results["samples"])
    assert results["samples"][1]["values"]["failed"] == 0
    pictures = {"report.svg", "report.png"} if importlib.util.find_spec("matplotlib") else set()
    assert {path.name for path in tmp_path.iterdir()} == {"report.md", "results.json"} | pictures


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_that_is_stopped_leaves_no_process_behind(number: signal.Signals, tmp_path: Path) -> None:
    skip_without("nginx", "wrk")
    words = ["--without-casino", "--peers", "nginx", "--only", "get", "--seconds", "60", "--out", str(tmp_path)]
    bench = subprocess.Popen(
        [sys.executable, "-m", "bench", *words], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    started: dict[int, Stat] = {}

    def load_runs() -> bool:
        stats = read_stats()
        started.update({pid: stats[pid] for pid in descendants(bench.pid, stats)})
        return any(is_wrk(pid) for pid in started)

    try:
        assert wait_until(load_runs, 30)
    finally:
        bench.send_signal(number)
        bench.communicate(timeout=30)
    left = read_stats()
    assert not [pid for pid, stat in started.items() if pid in left and left[pid].started == stat.started]


def is_wrk(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "wrk\n"
    except OSError:
        return False
