"""The bundle as a whole: the same bytes for the same spec, whole labels, and files that Prometheus takes."""

import re
from pathlib import Path

import pytest
import yaml

from alerts.objectives import EXHAUSTED
from alerts.proof import objectives as proof
from alerts.render import every_alert, render
from alerts.rule import Severity
from gateway.spec.load import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "casino.yaml"
BUNDLE = render(load(EXAMPLE).spec)
ALERTS = every_alert(load(EXAMPLE).spec)


@pytest.mark.parametrize("path", BUNDLE)
def test_the_example_gives_these_rules(golden, path):
    assert golden(f"alerts/{path}", BUNDLE[path]) == BUNDLE[path]


def test_the_same_spec_gives_the_same_bytes():
    assert render(load(EXAMPLE).spec) == BUNDLE


def test_prometheus_takes_the_bundle(promtool):
    promtool(BUNDLE, "check", "rules", "--lint=all", "--lint-fatal", *BUNDLE)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name} {' '.join(alert.labels.values())}")
def test_an_alert_tells_people_what_they_need(alert):
    assert re.fullmatch("([A-Z][a-z]+)+", alert.name)
    assert re.fullmatch(r"[A-Z][^{}\n]*\.", alert.summary)
    assert alert.description.endswith(".")
    assert alert.dashboard.startswith("/d/")
    assert alert.team
    assert not {"severity", "team", "alertname"} & set(alert.labels)
    assert all("{{" not in value for value in alert.labels.values())


def test_templates_use_labels_that_the_expression_has():
    unknown = {
        (alert.name, label)
        for alert in ALERTS
        for label in re.findall(r"\$labels\.([a-z_]+)", alert.description)
        if label not in alert.expr.labels
    }
    assert unknown == set()


def test_only_the_dead_mans_switch_has_no_severity():
    assert [alert.name for alert in ALERTS if alert.severity is Severity.NONE] == ["Watchdog"]


def test_teams_are_told_of_what_is_theirs(spec_of):
    teams = {alert.name: alert.team for alert in every_alert(spec_of("{availability: 99%}"))}
    assert teams["GatewayErrorBudgetBurn"] == teams["GatewayUpstreamDown"] == "games"
    assert teams["GatewayCrashLoop"] == teams["Watchdog"] == "platform"


def test_links_lead_where_the_spec_says(tmp_path):
    path = tmp_path / "casino.yaml"
    path.write_text("casino: 1\nalerts: {runbooks: https://wiki.example/run, dashboards: https://grafana.example}\n")
    rules = yaml.safe_load(render(load(path).spec)["prometheus/rules/watchers.yaml"])["groups"][0]["rules"]
    assert rules[0]["annotations"]["runbook_url"] == "https://wiki.example/run/Watchdog.md"
    assert rules[0]["annotations"]["dashboard_url"] == "https://grafana.example/d/casino-watchers"


def test_the_proofs_name_the_alerts_of_objectives():
    """They are written apart; only the names must agree."""
    names = {alert.name for alert in ALERTS}
    assert {*proof.BURNS.values(), *proof.EXHAUSTED.values(), *EXHAUSTED.values()} <= names
