import yaml

from casino.drill.key import Key, listed
from casino.drill.rules import render

SPENT = Key("GatewayErrorBudgetExhausted", (("route", "roll"), ("objective", "availability")))


def alerts(files: dict[str, str]) -> dict[str, list[str]]:
    return {
        name: [rule["alert"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"] if "alert" in rule]
        for name, text in files.items()
    }


def test_a_ground_has_the_alerts_it_drills_and_the_watchdog(spec):
    wanted = frozenset({Key("GatewayDown"), Key("GatewayUpstreamDown", (("upstream", "dice"),)), SPENT})
    assert alerts(render(spec, wanted, time_scale=0.1)) == {
        "objective-roll-availability.yaml": ["GatewayErrorBudgetExhausted"],
        "upstream-dice.yaml": ["GatewayUpstreamDown"],
        "gateway.yaml": ["GatewayDown"],
        "watchers.yaml": ["Watchdog"],
    }


def test_what_an_alert_is_computed_from_stays(spec):
    text = render(spec, frozenset({SPENT}), time_scale=1.0)["objective-roll-availability.yaml"]
    recorded = {rule.get("record") for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}
    assert {
        "objective:budget_remaining:ratio",
        "objective:errors:increase30d",
        "objective:events:increase1h",
    } <= recorded


def test_the_rules_of_a_drill_are_those_of_production_but_for_the_time(spec):
    every = frozenset(each.key for each in listed(spec))
    slow, quick = (render(spec, every, time_scale=scale)["gateway.yaml"] for scale in (1.0, 0.1))
    [one] = yaml.safe_load(slow)["groups"]
    [other] = yaml.safe_load(quick)["groups"]
    assert (one["interval"], other["interval"]) == ("15s", "1500ms")
    pairs = list(zip(one["rules"], other["rules"], strict=True))
    assert [mine["alert"] for mine, _ in pairs] == [theirs["alert"] for _, theirs in pairs]
    assert all(mine["labels"] == theirs["labels"] for mine, theirs in pairs)
    down = next((mine, theirs) for mine, theirs in pairs if mine["alert"] == "GatewayInstanceDown")
    assert [each["for"] for each in down] == ["5m", "30s"]
