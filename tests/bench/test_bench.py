import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench.compiled import NotBuiltError, Recipe, build
from bench.fetch import wait_until
from bench.product import PRODUCTS, Product, find
from bench.run import installed
from bench.tree import Stat, descendants, read_stats

CHECKOUT = Path(__file__).parents[2]
BENCH = (sys.executable, "-m", "casino", "bench")


def skip_without(*programs: str) -> None:
    missing = [program for program in programs if find(program) is None]
    if missing or len(os.sched_getaffinity(0)) < 2:
        pytest.skip(f"needs {', '.join(programs)} and two cores; missing: {missing}")


def test_absent_products_are_named_and_left_out() -> None:
    chosen, missing = installed(["nginx", "krakend"], PRODUCTS)
    assert {product.name for product in chosen} | set(missing) == {"nginx", "krakend"}


def test_unknown_names_are_refused() -> None:
    done = subprocess.run([*BENCH, "--only", "gte"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown: gte" in done.stderr


def test_a_stand_in_takes_part_only_where_the_other_is_absent() -> None:
    def product(name: str, program: str, instead_of: str = "") -> Product:
        return Product(name=name, command=(program,), files=(), version=(), instead_of=instead_of)

    engine = product("engine", "true", "whole")
    assert installed(None, [product("whole", "true"), engine]) == ([product("whole", "true")], {})
    chosen, missing = installed(None, [product("whole", "no-such-program"), engine])
    assert (chosen, missing) == ([engine], {"whole": "no-such-program is not installed"})
    assert installed(["engine"], [product("whole", "true"), engine]) == ([engine], {})


def test_what_can_be_measured_is_listed() -> None:
    done = subprocess.run(
        [*BENCH, "--list", "--json"], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=30
    )
    listed = json.loads(done.stdout)
    assert {"get", "overload", "handshakes"} <= listed["scenarios"].keys()
    assert {"casino", "nginx", "envoy"} <= listed["products"].keys()


def test_a_program_that_does_not_build_says_why(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int main(void) { return missing; }")
    recipe = Recipe(name="broken", sources=(source,), command=("cc", "-o", "@OUT@", str(source)))
    with pytest.raises(NotBuiltError, match=r"missing|not installed"):
        build(recipe)
    with pytest.raises(NotBuiltError, match="no-such-compiler is not installed"):
        build(msgspec.structs.replace(recipe, command=("no-such-compiler",)))


def test_one_peer_is_measured_from_end_to_end(tmp_path: Path) -> None:
    skip_without("nginx", "wrk")
    words = ["--without-casino", "--peers", "nginx", "--only", "get", "--rounds", "1", "--seconds", "1"]
    done = subprocess.run(
        [*BENCH, *words, "--out", str(tmp_path), "--json"],
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


def test_an_earlier_run_is_reported_again(tmp_path: Path) -> None:
    found = {
        "when": "2026-01-01T00:00:00+00:00",
        "machine": {"processor": "P", "cores": 2, "memory_bytes": 1, "kernel": "6", "system": "D", "python": "3.11"},
        "versions": {"casino": "0.1.0"},
        "rounds": 1,
        "seconds": 6,
        "samples": [
            {"scenario": "get", "entrant": "casino", "round": 0, "values": {"requests_per_second": 12345}},
        ],
    }
    earlier = tmp_path / "results.json"
    earlier.write_text(json.dumps(found))
    words = ["--results", str(earlier), "--out", str(tmp_path / "again")]
    subprocess.run([*BENCH, *words], cwd=CHECKOUT, capture_output=True, check=True)
    assert "12,345" in (tmp_path / "again" / "report.md").read_text()


@pytest.mark.parametrize("text", ["{}", "{"], ids=["another document", "cut short"])
def test_what_is_no_earlier_run_is_refused(text: str, tmp_path: Path) -> None:
    earlier = tmp_path / "results.json"
    earlier.write_text(text)
    done = subprocess.run(
        [*BENCH, "--results", str(earlier)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert str(earlier) in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_that_is_stopped_leaves_no_process_behind(number: signal.Signals, tmp_path: Path) -> None:
    skip_without("nginx", "wrk")
    words = ["--without-casino", "--peers", "nginx", "--only", "get", "--seconds", "60", "--out", str(tmp_path)]
    bench = subprocess.Popen([*BENCH, *words], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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
