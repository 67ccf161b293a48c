"""The test files of a spec, beside its rules: `promtool test rules` runs them."""

from typing import Any

from alerts.promise import Promise, promises
from alerts.proof import objectives
from alerts.text import document
from gateway.spec.model import Spec


def render(spec: Spec) -> dict[str, str]:
    """Return the text of every test file by its path below the build's folder."""
    return {name: text for promise in promises(spec) for name, text in _promise(promise).items()}


def _promise(promise: Promise) -> dict[str, str]:
    rules = f"objective-{promise.route}-{promise.kind}"
    return {
        f"prometheus/tests/{rules}-{tier}.yaml": test_file(rules, (rules, f"{rules}-slow"), every_seconds, tests)
        for tier, (every_seconds, tests) in objectives.tests(promise).items()
    }


def test_file(rules: str, groups: tuple[str, ...], every_seconds: int, tests: list[dict[str, Any]]) -> str:
    """Write one file of tests for one file of rules.

    The order of groups is given: here they are evaluated so seldom that one cannot use what another recorded last time.
    """
    return document(
        {
            "rule_files": [f"../rules/{rules}.yaml"],
            "evaluation_interval": f"{every_seconds}s",
            "group_eval_order": list(groups),
            "tests": tests,
        }
    )
