import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.product import PRODUCTS, SEARCH_PATH
from bench.run import installed

CHECKOUT = Path(__file__).parents[2]


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
    missing = [tool for tool in ("nginx", "wrk") if shutil.which(tool, path=SEARCH_PATH) is None]
    if missing or len(os.sched_getaffinity(0)) < 2:
        pytest.skip(f"needs nginx, wrk and two cores; missing: {missing}")
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
