"""The drill as people run it, on one real alert: rules so fast that it takes seconds."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from casino.drill.ground import missing
from tests.checkout import ROOT
from tests.waiting import until

SECONDS = 100
needs_servers = pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}")
pytestmark = pytest.mark.xdist_group("drill")


@pytest.fixture
def drill(tmp_path):
    """Start `casino drill` with its folders in one place; whatever is left of it is killed."""
    started = []

    def start(*words: str, **environment: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "casino", "drill", *words], cwd=ROOT, text=True, start_new_session=True,
            env=os.environ | {"TMPDIR": str(tmp_path)} | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def running(folder: Path) -> list[str]:
    """The command lines of processes that know a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in words:
            found.append(words)
    return found


@needs_servers
def test_an_alert_fires_pages_and_resolves(drill, tmp_path):
    code, out, err = said(drill("PrometheusRuleFailures", "--time-scale", "1/60", "--json"))
    assert code == 0, out + err
    [line] = json.loads(out)["drilled"]
    assert line["alert"] == "PrometheusRuleFailures"
    assert line["verdict"] in {"proven", "proven, late"}
    # Five minutes of `for` at 60 times the speed; nobody can be told before it fires.
    assert 5.0 <= line["fired_seconds"] < line["told_seconds"]
    assert line["resolved_seconds"] > 0
    assert running(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@needs_servers
def test_ctrl_c_stops_all_of_it(drill, tmp_path):
    process = drill("bridge-dead")
    until(lambda: any("prometheus" in words for words in running(tmp_path)), seconds=SECONDS)
    process.send_signal(signal.SIGINT)
    code, out, err = said(process)
    assert code == 130, out + err
    assert "Stopping." in err
    assert running(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param((), "say what to break", id="nothing asked for"),
        pytest.param(("GatewayNonsense",), "GatewayNonsense: there is no such fault or alert", id="an unknown alert"),
        pytest.param(("GatewayDebitsDropped",), "needs 50,000 callers", id="an alert that cannot be drilled"),
        pytest.param(("--all", "--time-scale", "2"), "not between 1/60 and 1", id="slower than time"),
        pytest.param(("--all", "--spec", "nowhere.yaml"), "there is no such file", id="no spec"),
    ],
)
def test_words_that_mean_nothing_end_with_2(drill, words, why):
    code, out, err = said(drill(*words))
    assert (code, why in out + err) == (2, True), out + err


def test_a_missing_program_is_named_by_its_package(drill, tmp_path):
    (tmp_path / "bin").mkdir()
    code, _, err = said(drill("Watchdog", PATH=str(tmp_path / "bin")))
    assert code == 2
    assert "prometheus, prometheus-alertmanager" in err


def test_the_list_names_faults_and_what_they_set_off(drill):
    code, out, _ = said(drill("--list"))
    assert code == 0
    lines = out.splitlines()
    fault = next(number for number, line in enumerate(lines) if line.startswith("bridge-dead "))
    assert lines[fault].split(maxsplit=2)[1:] == ["watchers", "the bridge is killed"]
    assert lines[fault + 1].strip() == "AlertmanagerUndelivered"
    assert any(line.startswith("not drilled: GatewayControlFaults: ") for line in lines)
