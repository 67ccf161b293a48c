"""The tests of one promise: for each tier a slow approach to its threshold, an outage and its end, and few requests."""

from typing import Any

from alerts.promise import Promise
from alerts.proof.closed_form import FEWEST_ERRORS, Burn, burns
from alerts.proof.timeline import Asked, Phase, Series, state, test

BURNS = {"availability": "GatewayErrorBudgetBurn", "latency": "GatewayLatencyBudgetBurn"}
EXHAUSTED = {"availability": "GatewayErrorBudgetExhausted", "latency": "GatewayLatencyBudgetExhausted"}
BELOW, ABOVE = 0.95, 1.05
REQUESTS_PER_SECOND = 1e6
"""So many that shares of them, rounded to whole requests, are exact enough."""
STEPS = {"page-fast": (15, 30), "page-slow": (60, 120), "ticket-fast": (60, 600), "ticket-slow": (60, 1800)}
"""Seconds between samples, and between evaluations: as coarse as each tier's windows allow."""


def tests(promise: Promise) -> dict[str, tuple[int, list[dict[str, Any]]]]:
    """Return, by tier, how often rules are evaluated (seconds), and the tests."""
    found = {}
    for burn in burns(promise.period, promise.ratio):
        sample, every = STEPS[burn.tier]
        each = [_approach(promise, burn, sample, every), _outage(promise, burn, sample, every), _few(promise, burn)]
        found[burn.tier] = (every, each)
    if promise.ratio < 1:
        found["budget"] = (120, [_budget(promise), _budget_of_few(promise)])
    return found


def _approach(promise: Promise, burn: Burn, sample: int, every: int) -> dict[str, Any]:
    """Just below the threshold for a whole window; then just above, which the window shows after its half; then just below
    again, which ends it with the short window, while the long one is still above.
    """
    long, threshold = burn.long_seconds, burn.threshold_ratio
    low, high = BELOW * threshold, min(ABOVE * threshold, 1.0)
    phases = (Phase(long, low), Phase(long, high), Phase(burn.short_seconds, low))
    rise = min(ABOVE, 1 / threshold) if threshold else ABOVE
    crossing = long + long * (1 - BELOW) / (rise - BELOW)
    asked = (
        _state(promise, burn, long, fires=False),
        _state(promise, burn, crossing - 2 * every - sample, fires=False),
        _state(promise, burn, crossing + 2 * every + sample, fires=True),
        _state(promise, burn, 2 * long, fires=True),
        _state(promise, burn, 2 * long + burn.short_seconds, fires=False),
    )
    return test(f"{burn.tier}: just below, just above, clears", sample, _series(promise, phases), asked)


def _outage(promise: Promise, burn: Burn, sample: int, every: int) -> dict[str, Any]:
    """Every request fails, after a window of health."""
    fires, clears = burn.fires_after(1.0), burn.clears_after(1.0)
    assert fires is not None
    slack = 2 * every + sample
    start = burn.long_seconds
    end = start + max(fires + slack, burn.short_seconds)
    phases = (Phase(start, 0), Phase(end - start, 1), Phase(clears + slack, 0))
    asked = [
        _state(promise, burn, start, fires=False),
        _state(promise, burn, start + max(fires - slack, 0), fires=False),
        _state(promise, burn, start + fires + slack, fires=True),
        _state(promise, burn, end, fires=True),
        _state(promise, burn, end + clears + slack, fires=False),
    ]
    return test(f"{burn.tier}: a total outage", sample, _series(promise, phases), tuple(asked))


def _few(promise: Promise, burn: Burn) -> dict[str, Any]:
    """One failure too few to say anything, whatever share of the requests it is; then enough."""
    sample, every = STEPS[burn.tier]
    few, enough = FEWEST_ERRORS - 1, FEWEST_ERRORS
    jump, later = 4 * every, 8 * every
    failures = (
        Phase(jump, 0),
        Phase(sample, few / sample),
        Phase(later - jump - sample, 0),
        Phase(sample, (enough - few) / sample),
        Phase(4 * every, 0),
    )
    asked = (_state(promise, burn, later - sample, fires=False), _state(promise, burn, later + 2 * every, fires=True))
    return test(f"{burn.tier}: few requests", sample, _bare(promise, failures), asked)


def _budget(promise: Promise) -> dict[str, Any]:
    """A little less than the budget allows for two hours, a little more for two, then none."""
    hour, budget = 3600.0, 1 - promise.ratio
    more = min(1.1, 1 / budget)
    crossing = 2 * hour + 2 * hour * (1 - BELOW) / (more - 1)
    end = crossing + hour
    phases = (Phase(2 * hour, BELOW * budget), Phase(end - 2 * hour, more * budget), Phase(2 * hour, 0))
    where = {"route": promise.route, "objective": promise.kind}
    labels = {**where, "severity": "warning", "team": promise.team}
    name = EXHAUSTED[promise.kind]
    asked = (
        _near(promise, 2 * hour, "objective:budget_remaining:ratio", 1 - BELOW),
        _near(promise, 2 * hour, "objective:burn_rate:increase1h", BELOW),
        _near(promise, 2 * hour, f"objective:error_ratio:increase{promise.period}", BELOW * budget),
        _near(promise, 2 * hour, "objective:target:ratio", promise.ratio, within=1e-9),
        state(name, 2 * hour, None),
        state(name, crossing + 240, None),
        state(name, crossing + 900, labels),
        state(name, end + hour, None),
    )
    return test("the budget: nearly spent, spent, earned back", 60, _series(promise, phases), asked)


def _budget_of_few(promise: Promise) -> dict[str, Any]:
    """One failure too few to say anything of the budget; then enough."""
    few, minute, pause = FEWEST_ERRORS - 1, 60.0, 1200.0
    failures = (Phase(600, 0), Phase(minute, few / minute), Phase(pause, 0), Phase(minute, 1 / minute), Phase(pause, 0))
    enough = 600 + minute + pause + minute
    labels = {"route": promise.route, "objective": promise.kind, "severity": "warning", "team": promise.team}
    name = EXHAUSTED[promise.kind]
    asked = (state(name, enough - minute, None), state(name, enough + 900, labels))
    return test("the budget: few requests", 60, _bare(promise, failures), asked)


def _near(promise: Promise, seconds: float, series: str, truth: float, within: float = 0.01) -> Asked:
    where = f'objective="{promise.kind}",route="{promise.route}"'
    labels = f'{{objective="{promise.kind}", route="{promise.route}"}}'
    return Asked(seconds, f"abs({series}{{{where}}} / {truth:.12g} - 1) < bool {within}", ((labels, 1.0),))


def _state(promise: Promise, burn: Burn, seconds: float, *, fires: bool) -> Asked:
    """`tier` is asked for too, since all tiers have one name. Asked is when rules were evaluated: further back than five
    minutes a query does not look.
    """
    every = STEPS[burn.tier][1]
    seconds -= seconds % every
    expr = f'ALERTS{{alertname="{BURNS[promise.kind]}",alertstate="firing",tier="{burn.tier}"}}'
    if not fires:
        return Asked(seconds, expr)
    labels = {
        "objective": promise.kind, "route": promise.route, "severity": burn.severity, "team": promise.team,
        "tier": burn.tier,
    }  # fmt: skip
    return Asked(seconds, expr, state(BURNS[promise.kind], seconds, labels).samples)


def _series(promise: Promise, errors: tuple[Phase, ...]) -> tuple[Series, ...]:
    """Steady traffic of which these shares go wrong."""
    bad = tuple(Phase(phase.seconds, REQUESTS_PER_SECOND * phase.value) for phase in errors)
    good = tuple(Phase(phase.seconds, REQUESTS_PER_SECOND * (1 - phase.value)) for phase in errors)
    every = tuple(Phase(phase.seconds, REQUESTS_PER_SECOND) for phase in errors)
    if promise.kind == "latency":
        return (_count(promise, every), _in_time(promise, good))
    return (_requests(promise, "2xx", good), _requests(promise, "5xx", bad))


def _bare(promise: Promise, errors: tuple[Phase, ...]) -> tuple[Series, ...]:
    """Nothing but requests that go wrong."""
    none = tuple(Phase(phase.seconds, 0) for phase in errors)
    if promise.kind == "latency":
        return (_count(promise, errors), _in_time(promise, none))
    return (_requests(promise, "2xx", none), _requests(promise, "5xx", errors))


def _requests(promise: Promise, kind: str, phases: tuple[Phase, ...]) -> Series:
    labels = f'route="{promise.route}",arm="v1",class="{kind}",source="upstream",job="casino",instance="a:9080"'
    return Series(f"gateway_requests_total{{{labels}}}", phases)


def _count(promise: Promise, phases: tuple[Phase, ...]) -> Series:
    labels = f'route="{promise.route}",arm="v1",job="casino",instance="a:9080"'
    return Series(f"gateway_first_byte_seconds_count{{{labels}}}", phases)


def _in_time(promise: Promise, phases: tuple[Phase, ...]) -> Series:
    assert promise.edge_seconds is not None
    labels = f'route="{promise.route}",arm="v1",le="{float(promise.edge_seconds)}",job="casino",instance="a:9080"'
    return Series(f"gateway_first_byte_seconds_bucket{{{labels}}}", phases)
