"""The tests that come with the rules see nearly every rule that is a little wrong."""

import re

import pytest

from alerts.proof.render import render as proofs
from alerts.render import render
from tests.alerts.jury import Jury
from tests.alerts.mutants import Mutant, of_rules
from tests.proof import FULL

LEAST = 0.95
EQUIVALENT = {
    r"\[(> -> >=|>= -> >|<= -> <)\](?!0\b)": "a rate over time, or a ratio, equals its threshold by chance only",
    r"\[> -> >=\]0\) [>/]": "a divisor: a part of nothing is nothing, and 0 / 0 is above no threshold",
    r"^(\w+(Failures|Missed|Dropped|SampleLimit|Overflow|CertificateRefused)) : .*\[sum by -> max by\]": "whether anything was counted at all is the same for sum and greatest part: `> 0`",
    r"\[increase\( -> rate\(\]": "above 0 in five minutes is above 0 a second",
    r"GatewayLoopLag.*\[rate\( -> increase\(\]": "a quantile looks at the buckets' shares alone",
    r"GatewayConfigDrift.*(\[1 -> 1\.25\]|\[count by -> sum by\])": "hashes are counted: their number is whole, each is 1",
    r"PrometheusWithoutAlertmanager.*\[1 -> 0\.75\]": "Alertmanagers are counted: their number is whole",
}
"""Mutants that say the same as the right rule, by what was changed in them."""
PLAIN = ("upstream-dice", "gateway", "gateway-week", "watchers") if FULL else ("watchers",)


def judged(spec, rules: str, folder) -> tuple[list[Mutant], list[Mutant]]:
    """Return the mutants of a file that are not equivalent, and those of them that no test sees."""
    jury = Jury(render(spec)[f"prometheus/rules/{rules}.yaml"], folder)
    tests = [text for text in proofs(spec).values() if f"- ../rules/{rules}.yaml\n" in text]
    wrong = list(of_rules(jury.rules))
    unseen = jury.survivors(wrong, tests)
    same = [each for each in unseen if any(re.search(pattern, each.about) for pattern in EQUIVALENT)]
    return [each for each in wrong if each not in same], [each for each in unseen if each not in same]


@pytest.mark.timeout(900)
@pytest.mark.proves("5.2 tests see 95 % of wrong thresholds, operators, windows, waits and labels")
@pytest.mark.parametrize("rules", PLAIN)
def test_wrong_alerts_are_seen(whole, promtool, tmp_path, measured, rules):
    wrong, unseen = judged(whole, rules, tmp_path)
    measured["score"] = f"{len(wrong) - len(unseen)} of {len(wrong)}"
    assert len(unseen) <= (1 - LEAST) * len(wrong), [each.about for each in unseen]
