"""The test files of a spec, beside its rules: `promtool test rules` runs them."""

from typing import Any

from alerts.promise import Promise, owner, promises, team_of
from alerts.proof import bridge, gateway, objectives, special, upstreams, watchers, week
from alerts.proof.case import EVERY_SECONDS, Case, entries
from alerts.text import document
from gateway.spec.model import Spec


def render(spec: Spec) -> dict[str, str]:
    """Return the text of every test file by its path below the build's folder."""
    team = owner(spec)
    files = {path: text for promise in promises(spec) for path, text in _promise(promise).items()}
    for name in spec.upstreams:
        files |= cases_file(f"upstream-{name}", upstreams.upstream(name, team_of(name, spec)))
    tests = [*special.gateway(team), *special.credentials(spec, team)]
    own = (
        *gateway.gateway(team, spec.bounds.connections, spec.drain.grace_seconds + spec.drain.deadline_seconds),
        *(gateway.store(team) if spec.store else ()),
        *(gateway.issuers(team) if spec.issuers else ()),
    )
    files |= cases_file("gateway", own, tests)
    files |= _bridge(spec, team)
    files |= cases_file("watchers", watchers.watchers(team), special.watchers(team))
    files |= cases_file("gateway-week", gateway.identity(team))
    weeks = [*week.traffic(team), *week.refusals(team)]
    return files | {
        "prometheus/tests/gateway-week-ago.yaml": _file("gateway-week", ("gateway-week",), week.EVERY_SECONDS, weeks)
    }


def _bridge(spec: Spec, team: str) -> dict[str, str]:
    cases = bridge.bridge(team, spec.bridge.watchdog_seconds, is_pair=spec.bridge.peer is not None)
    return cases_file("bridge", cases, bridge.more(team))


def _promise(promise: Promise) -> dict[str, str]:
    rules = f"objective-{promise.route}-{promise.kind}"
    return {
        f"prometheus/tests/{rules}-{tier}.yaml": _file(rules, (rules, f"{rules}-slow"), every_seconds, tests)
        for tier, (every_seconds, tests) in objectives.tests(promise).items()
    }


def cases_file(rules: str, each: tuple[Case, ...], more: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """Return the test file of a rule file that holds one group of its own name."""
    tests = [*entries(each), *(more or [])]
    return {f"prometheus/tests/{rules}.yaml": _file(rules, (rules,), EVERY_SECONDS, tests)}


def _file(rules: str, groups: tuple[str, ...], every_seconds: int, tests: list[dict[str, Any]]) -> str:
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
