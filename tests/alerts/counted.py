"""Tests of what objectives record, in promtool's form: which requests count, what a long window holds of shorter ones, and
what is so without traffic. The proofs that come with the rules ask for alerts; these ask for each recorded series.
"""

from collections.abc import Iterator

import yaml

from alerts.promise import Promise
from alerts.proof.timeline import Asked, Phase, Series, test

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
GRID_SECONDS = 300.0
CHAINS = {
    "2h": ("1h", HOUR, 2), "6h": ("2h", 2 * HOUR, 3), "1d": ("6h", 6 * HOUR, 4), "3d": ("1d", DAY, 3),
    "7d": ("1d", DAY, 7), "28d": ("1d", DAY, 28), "30d": ("3d", 3 * DAY, 10), "90d": ("3d", 3 * DAY, 30),
}  # fmt: skip
"""Of each long window: the shorter one that lies end to end in it, its seconds, and how often."""
WITHIN = 0.002
SERVED = ("2xx", "upstream")
PACES = ((HOUR, 8.0), (HOUR / 2, 4.0), (25 * MINUTE, 2.0), (5 * MINUTE, 1.0))
"""How much faster than in the last five minutes requests came before, so that each window holds something else."""
HELD = {
    "5m": 300.0 * 310 / 300,
    "30m": (2 * 1_500.0 + 300.0) * 1810 / 1800,
    "1h": (4 * 1_800.0 + 2 * 1_500.0 + 300.0) * 3610 / 3600,
}
"""Requests in each window at one a second in the last five minutes, and the share of the scrape it reaches further back."""


def counted(promise: Promise) -> Iterator[str]:
    """Yield test files, the cheap ones first."""
    for window in dict.fromkeys(("2h", "6h", "1d", "3d", promise.period)):
        yield _windows(promise, window)
    counts = _late(promise) if promise.kind == "latency" else _failed(promise)
    yield _file(promise, 5 * MINUTE, [*counts, _idle(promise), _alone(promise)])


def _file(promise: Promise, every_seconds: float, tests: list[dict]) -> str:
    rules = f"objective-{promise.route}-{promise.kind}"
    return yaml.safe_dump(
        {
            "rule_files": [f"../rules/{rules}.yaml"],
            "evaluation_interval": f"{every_seconds:.0f}s",
            "group_eval_order": [rules, f"{rules}-slow"],
            "tests": tests,
        }
    )


def _windows(promise: Promise, window: str) -> str:
    base, seconds, times = CHAINS[window]
    end = seconds * times
    tests = []
    for holes, now, truth in ((0, 1, 2**times - 1), (25, 1, 2**times - 1), (35, 1, 1), (35, 0, 0)):
        of = {what: f"objective:{what}:increase{base}{_where(promise)}" for what in ("events", "errors")}
        values = _staircase(seconds, times, hole_seconds=holes * MINUTE, now=now)
        tests.append(
            {
                "name": f"{window}: holes of {holes} minutes, {now} now",
                "interval": f"{GRID_SECONDS:.0f}s",
                "input_series": [{"series": name, "values": values} for name in of.values()],
                "promql_expr_test": [
                    _exactly(promise, end, f"objective:{what}:increase{window}", truth) for what in of
                ],
            }
        )
    return _file(promise, end, tests)


def _staircase(seconds: float, times: int, *, hole_seconds: float, now: float) -> str:
    """Write a base window whose value tells, by its power of two, how many base windows ago it is; holes lie where the long
    window looks.
    """
    end, runs = seconds * times, []
    for step in range(round(end / GRID_SECONDS) + 1):
        moment = step * GRID_SECONDS
        ago = round((end - moment) / seconds - 1e-9)
        looked_at = end - ago * seconds
        is_hole = ago > 0 and hole_seconds and looked_at - hole_seconds < moment <= looked_at + GRID_SECONDS
        value = "_" if is_hole else f"{now * 2**ago}"
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return " ".join(f"_x{count}" if value == "_" else f"{value}x{count - 1}" for value, count in runs)


def _failed(promise: Promise) -> list[dict]:
    """Which classes and sources count, with two versions each, beside another route."""
    events = {("2xx", "upstream"): 1.0, ("3xx", "upstream"): 1.0, ("4xx", "upstream"): 1.0, ("5xx", "upstream"): 1.0,
              ("5xx", "gateway"): 1.0}  # fmt: skip
    others = {("4xx", "gateway"): 3.0, ("499", "client"): 3.0, ("4xx", "client"): 3.0}
    of_routes = [(promise.route, {**events, **others}), ("other", {**events, **others})]
    series = [each for route, kinds in of_routes for each in _requests(route, kinds)]
    healthy = {kind: pace for kind, pace in events.items() if kind[0] != "5xx"}
    return [
        _played("which requests count", series, _holds(promise, events=10.0, errors=4.0)),
        _played(
            "no failure was ever counted", _requests(promise.route, healthy), _holds(promise, events=6.0, errors=0.0)
        ),
    ]


def _requests(route: str, kinds: dict[tuple[str, str], float]) -> list[Series]:
    name = 'gateway_requests_total{{route="{}",arm="{}",class="{}",source="{}",job="casino",instance="a:9080"}}'
    return [
        Series(name.format(route, arm, kind, source), _paced(pace))
        for (kind, source), pace in kinds.items()
        for arm in ("v1", "v2")
    ]


def _late(promise: Promise) -> list[dict]:
    """Two versions, of whose answers some are too late, none is, or more are in time than there are at all."""
    return [
        _played("some are late", [*_answers(promise, 3.0, 2.0), *_answers(promise, 9.0, 0.0, route="other")],
                _holds(promise, events=6.0, errors=2.0)),
        _played("none is late", _answers(promise, 3.0, 3.0), _holds(promise, events=6.0, errors=0.0)),
        _played("a scrape between two counts", _answers(promise, 3.0, 3.1), _holds(promise, events=6.0, errors=0.0)),
    ]  # fmt: skip


def _answers(promise: Promise, all_of: float, in_time: float, *, route: str = "") -> list[Series]:
    assert promise.edge_seconds is not None
    name = 'gateway_first_byte_seconds_{}{{route="{}",arm="{}",job="casino",instance="a:9080"{}}}'
    edges = {f',le="{promise.edge_seconds}"': in_time, ',le="9.0"': all_of}
    return [
        series
        for arm in ("v1", "v2")
        for series in (
            Series(name.format("count", route or promise.route, arm, ""), _paced(all_of)),
            *(
                Series(name.format("bucket", route or promise.route, arm, le), _paced(pace))
                for le, pace in edges.items()
            ),
        )
    ]


def _paced(pace: float) -> tuple[Phase, ...]:
    return tuple(Phase(seconds, pace * faster) for seconds, faster in PACES)


def _holds(promise: Promise, *, events: float, errors: float) -> list[Asked]:
    end = sum(seconds for seconds, _ in PACES)
    return [
        ask
        for window, held in HELD.items()
        for what, pace in (("events", events), ("errors", errors))
        for ask in [_nearly(promise, end, f"objective:{what}:increase{window}", pace * held)]
    ] + [
        _nearly(promise, end, f"objective:error_ratio:increase{window}", errors / events) for window in HELD
    ]  # fmt: skip


def _idle(promise: Promise) -> dict:
    """Nobody calls: there is no ratio of nothing, and the budget is whole."""
    still = (Phase(2 * HOUR, 0),)
    bare = _answers(promise, 0.0, 0.0) if promise.kind == "latency" else _requests(promise.route, {SERVED: 0.0})
    asked = [
        *(Asked(2 * HOUR, f"objective:error_ratio:increase{window}") for window in _all(promise)),
        *(_nearly(promise, 2 * HOUR, f"objective:errors:increase{window}", 0.0) for window in _all(promise)),
        *([Asked(2 * HOUR, "objective:burn_rate:increase1h")] if promise.ratio < 1 else []),
        *([_nearly(promise, 2 * HOUR, "objective:budget_remaining:ratio", 1.0)] if promise.ratio < 1 else []),
    ]
    return _played("nobody calls", [Series(each.name, still) for each in bare], asked)


def _alone(promise: Promise) -> dict:
    """One request in two hours, and it goes wrong."""
    still, once = Phase(2 * HOUR, 0), (Phase(2 * HOUR - MINUTE, 0), Phase(15, 1 / 15), Phase(45, 0))
    if promise.kind == "latency":
        count, in_time, _ = _answers(promise, 0.0, 0.0)[:3]
        series = [Series(count.name, once), Series(in_time.name, (still,))]
    else:
        good, bad = _requests(promise.route, {SERVED: 0.0, ("5xx", "upstream"): 0.0})[::2]
        series = [Series(good.name, (still,)), Series(bad.name, once)]
    ratios = [_nearly(promise, 2 * HOUR, f"objective:error_ratio:increase{window}", 1.0) for window in _all(promise)]
    return _played("one request, and it goes wrong", series, ratios)


def _all(promise: Promise) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*HELD, "2h", "6h", "1d", "3d", promise.period)))


def _played(name: str, series: list[Series], asked: list[Asked]) -> dict:
    return test(f"counted: {name}", 15, tuple(series), tuple(asked))


def _nearly(promise: Promise, seconds: float, series: str, truth: float) -> Asked:
    labels = f'{{objective="{promise.kind}", route="{promise.route}"}}'
    return Asked(seconds, f"abs({series} - {truth:.12g}) <= bool {WITHIN * truth:.12g}", ((labels, 1.0),))


def _exactly(promise: Promise, seconds: float, series: str, truth: float) -> dict:
    labels = f'{series}{{objective="{promise.kind}", route="{promise.route}"}}'
    return {"expr": series, "eval_time": f"{seconds:.0f}s", "exp_samples": [{"labels": labels, "value": truth}]}


def _where(promise: Promise) -> str:
    return f'{{route="{promise.route}",objective="{promise.kind}"}}'
