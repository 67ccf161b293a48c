"""The tests that come with the rules see nearly every rule that is a little wrong."""

import re

import pytest

from alerts.promise import Promise, promises
from alerts.proof.render import render as proofs
from alerts.render import render
from tests.alerts.counted import counted
from tests.alerts.generators import mutant, wrong_rules
from tests.alerts.jury import Jury
from tests.alerts.mutants import Mutant, of_rules
from tests.proof import FULL

LEAST = 0.95
EQUIVALENT = {
    r"\[(> -> >=|>= -> >|<= -> <)\](?!0\b)": "a rate over time, or a ratio, equals its threshold by chance only",
    r"\[> -> >=\]0\) [>/]": "a divisor: a part of nothing is nothing, and 0 / 0 is above no threshold",
    r"^(\w+(Failures|Missed|Dropped|SampleLimit|Overflow|CertificateRefused|WebhooksRefused|Truncates)) : .*\[sum by -> max by\]": "whether anything was counted at all is the same for sum and greatest part: `> 0`",
    r"\[increase\( -> rate\(\]": "above 0 in five minutes is above 0 a second",
    r"(GatewayLoopLag|BridgeWebhooksSlow).*\[rate\( -> increase\(\]": "a quantile looks at the buckets' shares alone",
    r"GatewayConfigDrift.*(\[1 -> 1\.25\]|\[count by -> sum by\])": "hashes are counted: their number is whole, each is 1",
    r"BudgetBurn.*\[(> -> >=|>= -> >)\]": "a ratio equals its threshold by chance only",
    r"BudgetExhausted.*\[<= -> <\]": "a ratio equals 0 by chance only",
    r"objective:events.*\[by \(route\) -> by \(\)\]": "one route is selected, and the rule's own labels name it",
    r"^objectives: .*\[> -> >=\] threshold": "a ratio equals its threshold by chance only",
    r"^objectives: .*BUDGET_REMAINING\) \[<= -> <\] 0": "a ratio equals 0 by chance only",
    r"^objectives: return 1 - spent \| \[0 -> -?1\]": "where there is no ratio there are no events, and anything times 0 is 0",
    r"PrometheusWithoutAlertmanager.*\[1 -> 0\.75\]": "Alertmanagers are counted: their number is whole",
}
"""Mutants that say the same as the right rule, by what was changed in them."""
PLAIN = ("upstream-dice", "gateway", "gateway-week", "bridge", "watchers") if FULL else ("watchers",)


def judged(jury: Jury, wrong: list[Mutant], tests: list[str]) -> tuple[list[Mutant], list[Mutant]]:
    """Return the mutants that are not equivalent, and those of them that no test sees."""
    unseen = jury.survivors(wrong, tests)
    same = [each for each in unseen if any(re.search(pattern, each.about) for pattern in EQUIVALENT)]
    return [each for each in wrong if each not in same], [each for each in unseen if each not in same]


def assert_seen(wrong: list[Mutant], unseen: list[Mutant], measured: dict[str, object]) -> None:
    measured["score"] = f"{len(wrong) - len(unseen)} of {len(wrong)}"
    measured["unseen"] = "; ".join(each.about for each in unseen)
    assert len(unseen) <= (1 - LEAST) * len(wrong), [each.about for each in unseen]


@pytest.mark.timeout(900)
@pytest.mark.proves("5.2 tests see 95 % of wrong thresholds, operators, windows, waits and labels")
@pytest.mark.parametrize("rules", PLAIN)
def test_wrong_alerts_are_seen(whole, promtool, tmp_path, measured, rules):
    jury = Jury(render(whole)[f"prometheus/rules/{rules}.yaml"], tmp_path)
    tests = [text for text in proofs(whole).values() if f"- ../rules/{rules}.yaml\n" in text]
    assert_seen(*judged(jury, list(of_rules(jury.rules)), tests), measured)


TIERS = ("page-fast", "page-slow", "ticket-fast", "budget", "ticket-slow")
SHARDS = 5
KINDS = ("{availability: 99%}", "{latency: 99% within 100ms, period: 28d}")


def bench(spec, folder) -> tuple[Promise, Jury, list[str]]:
    """Return the only promise of a spec, its rules, and all tests of them: the cheap ones first."""
    (promise,) = promises(spec)
    rules = f"objective-{promise.route}-{promise.kind}"
    files = proofs(spec)
    tiers = [files[f"prometheus/tests/{rules}-{tier}.yaml"] for tier in TIERS]
    return promise, Jury(render(spec)[f"prometheus/rules/{rules}.yaml"], folder), [*counted(promise), *tiers]


def test_the_right_rules_pass_what_asks_for_each_series(spec_of, promtool, tmp_path):
    """What the wrong ones are judged by, below."""
    spec = spec_of("{availability: 99%, period: 7d}")
    promise, jury, _ = bench(spec, tmp_path)
    *windows, counts = counted(promise)
    itself = [
        Mutant(rule["record"], {place: rule})
        for place, rule in enumerate(jury.rules)
        if re.fullmatch("objective:(events|errors):increase(2h|6h|1d|3d|7d)", rule.get("record", ""))
    ]
    assert len(itself) == 10
    assert jury.survivors(itself, windows) == itself
    name = "prometheus/tests/counted.yaml"
    assert "SUCCESS" in promtool({**render(spec), name: counts}, "test", "rules", name)


def test_a_window_that_is_put_together_wrongly_is_seen(spec_of, promtool, tmp_path, measured):
    """A sample of what follows."""
    _, jury, tests = bench(spec_of(KINDS[0]), tmp_path)
    wrong = [each for each in of_rules(jury.rules) if each.about.startswith("objective:events:increase6h")]
    assert len(wrong) > 10
    assert_seen(*judged(jury, wrong, [tests[1]]), measured)


@pytest.mark.skipif(not FULL, reason="minutes: CASINO_FULL=1")
@pytest.mark.timeout(900)
@pytest.mark.proves("5.2 tests see 95 % of wrong rules of an objective")
@pytest.mark.parametrize(("objectives", "shard"), [(kind, shard) for kind in KINDS for shard in range(SHARDS)])
@pytest.mark.usefixtures("promtool")
def test_wrong_rules_of_an_objective_are_seen(spec_of, tmp_path, measured, objectives, shard):
    _, jury, tests = bench(spec_of(objectives), tmp_path)
    assert_seen(*judged(jury, list(of_rules(jury.rules))[shard::SHARDS], tests), measured)


PROMISES = {
    "30d": "{availability: 99%}",
    "7d": "{availability: 99%, period: 7d}",
    "28d": "{availability: 99%, period: 28d}",
    "90d": "{availability: 99%, period: 90d}",
    "latency": "{latency: 99% within 100ms}",
    "too low for a tier": "{availability: 90%}",
}


@pytest.mark.skipif(not FULL, reason="minutes: CASINO_FULL=1")
@pytest.mark.timeout(900)
@pytest.mark.proves("5.2 tests see 95 % of wrong factors and operators of the generator itself")
@pytest.mark.parametrize("objectives", PROMISES.values(), ids=PROMISES)
def test_what_a_wrong_generator_writes_is_seen(spec_of, promtool, tmp_path, measured, objectives):
    """Whatever it writes otherwise for this promise; what fails while it writes is seen by whoever builds."""
    promise, jury, tests = bench(spec_of(objectives), tmp_path)
    found = [mutant(about, jury.rules, rules) for about, rules in wrong_rules(promise)]
    assert_seen(*judged(jury, [each for each in found if each], tests), measured)
