"""`casino alerts` shows and explains."""

import json
from pathlib import Path

import pytest
import yaml

from alerts.render import every_alert
from casino.cli import main
from gateway.spec.load import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "casino.yaml"
NAMES = sorted({alert.name for alert in every_alert(load(EXAMPLE).spec)})


def run(capsys, *words: str) -> str:
    assert main(["alerts", *words, "--spec", str(EXAMPLE)]) == 0
    return capsys.readouterr().out


def test_the_list_has_every_alert(capsys):
    shown = run(capsys, "list")
    assert {line.split()[0] for line in shown.splitlines()} == set(NAMES)
    assert {row["name"] for row in json.loads(run(capsys, "list", "--json"))} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_explained_and_shown(capsys, name):
    shown = run(capsys, "explain", name)
    assert shown.startswith(name)
    assert f"Runbook: docs/runbooks/{name}.md" in shown
    assert {rule["alert"] for rule in yaml.safe_load(run(capsys, "show", name))} == {name}


def test_an_objective_is_explained_by_how_soon_it_is_told(capsys):
    lines = run(capsys, "explain", "GatewayErrorBudgetBurn").splitlines()
    assert lines[1].endswith("team games is told (games, games@casino.example).")
    assert " ".join(lines[3].split()) == "page-fast critical 5m and 1h 1.44% 52s, 8m38s, 43m12s"
    assert any("fewer than 10 errors" in line and "only a probe" in line for line in lines)


def test_a_share_below_the_threshold_never_fires(capsys):
    shown = run(capsys, "explain", "GatewayErrorBudgetBurn")
    assert "7.2%     4m19s, 43m12s, never" in shown


def test_an_unknown_name_is_answered_with_what_was_meant(capsys):
    assert main(["alerts", "show", "GatewayLoopLagg", "--spec", str(EXAMPLE)]) == 1
    assert "did you mean `GatewayLoopLag`?" in capsys.readouterr().err


def test_a_spec_that_cannot_be_used_ends_with_2(tmp_path, capsys):
    (tmp_path / "casino.yaml").write_text("casino: 2\n")
    assert main(["alerts", "list", "--spec", str(tmp_path / "casino.yaml")]) == 2
    assert capsys.readouterr().err
