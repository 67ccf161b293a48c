"""An SRE's own file of alerts: run within bounds by check and build, judged like ours, never run by serve."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from casino.cli import main
from tests.checkout import ROOT

SPEC = """
casino: 1
teams: {games: {contact: x}}
alerts: {team: games, own: own.py}
upstreams: {dice: {versions: {v1: ["http://127.0.0.1:7001"]}}}
routes: {roll: {match: GET /roll, to: dice, objectives: {}}}
"""
OWN = """
from alerts.proof.case import AT, Case, counter
from alerts.rule import Alert, Severity
from exporters.catalog.gateway import FAILURES
from exporters.promql import increase, select, total

print("what it prints is nobody's answer")
ALERTS = [
    Alert(
        name="RouteResets",
        expr=total(increase(select(FAILURES, {"failure": "upstream_reset"}), 300), "route") > 20,
        for_seconds=600, severity=Severity.WARNING, team="games", dashboard="/d/casino-route",
        summary="Services break off their answers.", description="{{ $labels.route }} breaks off.",
    )
]
RESETS = 'gateway_failures_total{route="roll",failure="upstream_reset",' + AT + "}"
CASES = [
    Case(
        alert="RouteResets", labels={"severity": "warning", "team": "games", "route": "roll"},
        feeds=(counter(RESETS, 0, 3.8, 4.2),), wait_minutes=10, range_minutes=5,
    )
]
"""


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "casino.yaml").write_text(SPEC)
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def build(place: Path) -> int:
    return main(["build", str(place / "casino.yaml"), "--out", str(place / "out")])


def test_its_alerts_and_tests_stand_beside_ours(place, capsys):
    assert build(place) == 0
    assert f"running {place / 'own.py'}\n" in capsys.readouterr().err
    (group,) = yaml.safe_load((place / "out/prometheus/rules/own.yaml").read_text())["groups"]
    assert [rule["alert"] for rule in group["rules"]] == ["RouteResets"]
    assert (place / "out/operator/rules/own.yaml").is_file()
    subprocess.run(
        ["promtool", "test", "rules", "own.yaml"], cwd=place / "out/prometheus/tests", check=True, timeout=60
    )


MISTAKES = {
    "it raises": (OWN + "\nraise SystemExit('no')\n", "it fails\nno"),
    "a wrong label": (OWN.replace('"route") > 20', '"rout") > 20'), "no label rout"),
    "it never ends": ("while True: pass\n", "it takes longer than"),
    "it takes all memory": ("x = bytearray(3 << 30)\n", "MemoryError"),
    "it prints without end": ("while True: print('x' * 1_000_000)\n", "it prints more than"),
    "something that is no value": ("ALERTS = [object()]\n", "ALERTS are alerts and CASES are cases: Encoding objects"),
    "something else": ("ALERTS = [1]\n", "ALERTS are alerts"),
    "an alert that is never false": (OWN.replace(" > 20", ""), "no-comparison"),
    "an alert without a test": (OWN + "\nCASES = []\n", "RouteResets has no test"),
    "a name of ours": (OWN.replace("RouteResets", "GatewayDown"), "GatewayDown is an alert of ours"),
    "an unknown team": (OWN.replace('team="games"', 'team="shop"'), "team shop, which the spec does not know"),
    "no file": (None, "it fails\nthere is no such file"),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_it_is_told_and_nothing_is_built(place, capsys, text, said):
    (place / "own.py").unlink() if text is None else (place / "own.py").write_text(text)
    assert build(place) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told) < 5_000
    assert not (place / "out").exists()


def test_check_runs_it_and_says_where_the_spec_names_it(place, capsys):
    assert main(["check", str(place / "casino.yaml")]) == 0
    (place / "own.py").write_text(OWN.replace(" > 20", ""))
    assert main(["check", str(place / "casino.yaml")]) == 1
    said = capsys.readouterr().out
    assert f"{place / 'casino.yaml'}:4:" in said
    assert "no-comparison" in said


def alerts(place: Path, *words: str) -> int:
    return main(["alerts", *words, "--spec", str(place / "casino.yaml")])


def test_its_alerts_are_listed_shown_and_explained_like_ours(place, capsys):
    assert alerts(place, "list") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("RouteResets")]
    assert line.split()[1:4] == ["warning", "games", "own"]
    assert alerts(place, "list", "--json") == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["file"] == "own"]
    assert (row["name"], row["summary"]) == ("RouteResets", "Services break off their answers.")
    assert alerts(place, "show", "RouteResets") == 0
    (rule,) = yaml.safe_load(capsys.readouterr().out)
    assert (rule["alert"], rule["for"]) == ("RouteResets", "10m")
    assert alerts(place, "explain", "RouteResets") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("RouteResets: Services break off their answers.")
    assert "fires while this gives anything, for 10m without a break" in shown


def test_a_name_that_is_nearly_one_of_its_alerts_is_answered_with_it(place, capsys):
    assert alerts(place, "show", "RouteReset") == 1
    assert "did you mean `RouteResets`?" in capsys.readouterr().err


def test_no_list_is_shown_while_it_is_wrong(place, capsys):
    (place / "own.py").write_text("raise SystemExit('no')\n")
    assert alerts(place, "list") == 2
    said = capsys.readouterr()
    assert "it fails\nno" in said.err
    assert said.out == ""


def test_it_sees_nothing_of_the_environment(place, monkeypatch, capsys):
    monkeypatch.setenv("TOKEN", "secret")
    (place / "own.py").write_text("import os\nassert 'TOKEN' not in os.environ\nALERTS = CASES = []\n")
    assert build(place) == 0


def test_serve_has_no_way_to_run_it():
    parts = [*(ROOT / "gateway").rglob("*.py"), ROOT / "casino" / "serve.py"]
    assert [path for path in parts if "casino.own" in path.read_text() or "alerts.own" in path.read_text()] == []
