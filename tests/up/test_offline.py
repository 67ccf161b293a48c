"""`make up` where no package index can be reached, and pip's other words, which nobody hides."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT, files

PIP = Path(sys.executable).parent / "pip"
OFFLINE = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_CONFIG_FILE": os.devnull}


def packages(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "deploy" / "python-packages", PIP, *words], cwd=folder, env={**os.environ, **OFFLINE, "PIP_RETRIES": "1"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_cannot_be_fetched_is_told_in_one_line_and_pips_words_are_kept(tmp_path):
    done = packages(tmp_path, "--target", str(tmp_path / "here"), "casino-of-nobody>=3")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Could not fetch casino-of-nobody>=3: no package index answers.")
    assert line.endswith("pip's words: build/pip.log")
    assert "WARNING: Retrying" in (tmp_path / "build" / "pip.log").read_text()


def test_another_failure_is_told_in_pips_own_words(tmp_path):
    (tmp_path / "empty").mkdir()
    done = packages(tmp_path, "./empty")
    assert done.returncode == 1
    assert "is not installable" in done.stderr
    assert "Could not fetch" not in done.stderr


def test_what_is_there_already_needs_no_network_and_no_word(tmp_path):
    done = packages(tmp_path, "pip")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.packaging
@pytest.mark.timeout(200)
def test_a_fresh_checkout_without_a_network_says_what_to_do(tmp_path):
    for path in files("Makefile", "pyproject.toml", "README.md", "deploy"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for package in ("alerts", "casino", "exporters", "gateway"):
        (tmp_path / package).mkdir()
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }  # not of `make test`
    done = subprocess.run(
        ["make", "up", f"PYTHON={sys.executable}"], cwd=tmp_path, env={**alone, **OFFLINE, "PIP_RETRIES": "0"},
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    line, made = done.stderr.splitlines()
    assert line.startswith("Could not fetch hatchling>=1.27")
    assert made.startswith("make: ***")
    assert not (tmp_path / ".venv" / ".ready").exists()
