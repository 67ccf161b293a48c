"""The generated tests pass, each alert has one, and the closed form they rest on is the table of the field."""

import ast
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

import alerts.proof
from alerts.proof.closed_form import burns
from alerts.proof.render import render as proofs
from alerts.render import every_alert, render
from gateway.spec.listen import Drain
from tests.alerts.jury import Jury
from tests.proof import FULL

BUDGETS = {
    "objectives: availability": "{availability: 99.9%}",
    "objectives: latency": "{latency: 95% within 250ms, period: 28d}",
    "a week": "{availability: 99%, period: 7d}",
    "a quarter, a promise too low for its factor": "{availability: 90%, period: 90d}",
}


TIERS = ("page-fast", "page-slow", "ticket-fast", "ticket-slow", "budget")
EACH = [
    pytest.param(objectives, tier, id=f"{tier}: {name}")
    for row, (name, objectives) in enumerate(BUDGETS.items())
    for column, tier in enumerate(TIERS)
    if FULL or row == column or (row, tier) == (0, "budget")
]
"""All of them in `make prove`; in `make test` each period once, each tier once."""


@pytest.mark.proves("5.2 promtool: each tier of each period fires and clears when arithmetic says")
@pytest.mark.parametrize(("objectives", "tier"), EACH)
def test_each_tier_fires_and_clears_when_arithmetic_says(spec_of, promtool, objectives, tier):
    spec = spec_of(objectives)
    kind = "latency" if "latency" in objectives else "availability"
    name, rules = (
        f"prometheus/{part}.yaml" for part in (f"tests/objective-roll-{kind}-{tier}", f"rules/objective-roll-{kind}")
    )
    files = {rules: render(spec)[rules], name: proofs(spec)[name]}
    assert played(promtool, files, rules, name)


def played(promtool, files: dict[str, str], rules: str, name: str) -> bool:
    """Play a file of tests to its rules: as it stands in `make prove`, else each test to what it asks for and nothing else."""
    if FULL:
        return "SUCCESS" in promtool(files, "test", "rules", name)
    jury, whole = Jury(files[rules]), yaml.safe_load(files[name])
    parts = {}
    for number, test in enumerate(whole["tests"]):
        parts[f"rules-{number}.yaml"] = jury.asked_of(asked["expr"] for asked in test["promql_expr_test"])
        parts[f"test-{number}.yaml"] = yaml.safe_dump(
            {**whole, "rule_files": [f"rules-{number}.yaml"], "tests": [test]}
        )
    return "SUCCESS" in promtool(parts, "test", "rules", *(name for name in parts if name.startswith("test")))


WEEK_AGO = ("gateway-week-ago",) if FULL else ()
"""A week of samples costs most of a minute."""


@pytest.mark.proves("5.2 promtool: every other alert fires above its threshold only")
@pytest.mark.parametrize("name", ["upstream-dice", "gateway", "gateway-week", "bridge", "watchers", *WEEK_AGO])
def test_every_other_alert_fires_above_its_threshold_only(whole, promtool, name):
    path, rules = f"prometheus/tests/{name}.yaml", f"prometheus/rules/{name.removesuffix('-ago')}.yaml"
    assert played(promtool, {rules: render(whole)[rules], path: proofs(whole)[path]}, rules, path)


@pytest.mark.parametrize(
    ("deadline_seconds", "wait"),
    [pytest.param(30, "5m", id="30 s"), pytest.param(900, "17m", id="a quarter of an hour")],
)
def test_a_gateway_has_the_time_of_its_drain_to_start_anew(whole, promtool, deadline_seconds, wait):
    spec = replace(whole, drain=Drain(grace_seconds=5, deadline_seconds=deadline_seconds))
    path, rules = "prometheus/tests/gateway.yaml", "prometheus/rules/gateway.yaml"
    [lost] = [
        rule
        for group in yaml.safe_load(render(spec)[rules])["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "GatewayRunDirectoryLost"
    ]
    assert lost["for"] == wait
    assert played(promtool, {rules: render(spec)[rules], path: proofs(spec)[path]}, rules, path)


def test_every_alert_has_a_test_in_which_it_fires_and_all_but_one_a_test_in_which_it_does_not(whole):
    fires, silent = set(), set()
    for text in proofs(whole).values():
        for test in yaml.safe_load(text)["tests"]:
            for asked in test["promql_expr_test"]:
                if asked["expr"].startswith("ALERTS"):
                    name = asked["expr"].split('"')[1]
                    (fires if asked["exp_samples"] else silent).add(name)
    names = {alert.name for alert in every_alert(whole)}
    assert fires == names
    assert names - silent == {"Watchdog"}


def test_no_proof_looks_at_a_rule():
    allowed = {"promise", "text", "proof", "proof.case", "proof.closed_form", "proof.timeline"}
    for path in Path(alerts.proof.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith("exporters.promql"), path
                if node.module.startswith("alerts."):
                    assert node.module.removeprefix("alerts.") in allowed, (path, node.module)


@pytest.mark.parametrize(
    ("ratio", "seconds"),
    [(0.999, (52, 130, 259, 259)), (0.99, (518, 1296, 2592, 2592)), (0.95, (2592, 6480, 12960, 12960))],
    ids=["99.9%", "99%", "95%"],
)
def test_the_closed_form_gives_the_times_everybody_publishes(ratio, seconds):
    """notes/alerting.md 1.1: detection of a total outage."""
    assert tuple(round(burn.fires_after(1.0) or 0) for burn in burns("30d", ratio)) == seconds


def test_what_is_promised_never_fires():
    assert [burn.fires_after(0.0009) for burn in burns("28d", 0.999)][:3] == [None, None, None]
    assert burns("30d", 0.999)[0].fires_after(0.0133) is None


def test_an_alert_ends_within_its_short_window():
    fast, *_ = burns("30d", 0.999)
    assert fast.clears_after(1.0) == pytest.approx(300 * (1 - 0.0144))
