"""From a promise to its rules: events and errors over each window, ratios, what is left of the budget, four tiers.

Errors are never without events beside them, so no ratio is absent while there is traffic; no ratio is taken of no
events, so none is NaN. Windows above an hour are sums of shorter ones that lie end to end, so a month costs a few
look-ups, and what happened a second ago is in all of them.

A range reaches one scrape further back than its window. Without that sample `increase` would guess what was counted
between the last of one window and the first of the next, and an incident there would be in neither. Counts grow by that
scrape's share (3 % of five minutes, 0.3 % of an hour and of all above), ratios do not.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial, reduce
from operator import add

from alerts.burn import LEAST_ERRORS, TIERS, Tier
from alerts.prometheus import scrape_seconds
from alerts.promise import Promise
from alerts.rule import Alert, Group, Record, Severity
from exporters.catalog.gateway import FIRST_BYTE, REQUESTS
from exporters.catalog.metric import Recorded
from exporters.catalog.objective import BUDGET_REMAINING, BURN_RATE, ERROR_RATIO, ERRORS, EVENTS, TARGET
from exporters.duration import seconds_of
from exporters.promql import Matching, Selector, Vector, clamp_min, constant, edge, increase, over_time, select, total

FAST_SECONDS = 15.0
SLOW_SECONDS = 60.0
GAP_SECONDS = 1800.0
"""A window missing in the past, because Prometheus was away, is taken from up to half an hour before."""

_DIRECT = ("5m", "30m", "1h")
_CHAIN: dict[str, tuple[str, int]] = {
    "2h": ("1h", 2), "6h": ("2h", 3), "1d": ("6h", 4), "3d": ("1d", 3),
    "7d": ("1d", 7), "28d": ("1d", 28), "30d": ("3d", 10), "90d": ("3d", 30),
}  # fmt: skip
"""Each window as so many of a shorter one."""

_NAMES = {"availability": "GatewayErrorBudgetBurn", "latency": "GatewayLatencyBudgetBurn"}
EXHAUSTED = {"availability": "GatewayErrorBudgetExhausted", "latency": "GatewayLatencyBudgetExhausted"}
_SUMMARIES = {
    "availability": "Requests fail more often than the objective allows.",
    "latency": "Answers are slow more often than the objective allows.",
}
_WRONG = {"availability": "fail", "latency": "are too slow"}

_Count = Callable[[Selector], Vector]
"""How much each counter grew over some window."""


def groups(promise: Promise, *, time_scale: float = 1.0) -> tuple[Group, Group]:
    """Return the rules of one promise: those a page waits for, and the rest, which cost more and may wait a minute.

    `time_scale` shortens every duration alike, so that a drill need not wait three days.
    """
    name = f"objective-{promise.route}-{promise.kind}"
    fast, slow = (tuple(part(promise, time_scale)) for part in (_fast, _slow))
    return (
        Group(name=name, every_seconds=FAST_SECONDS * time_scale, rules=fast),
        Group(name=f"{name}-slow", every_seconds=SLOW_SECONDS * time_scale, rules=slow),
    )


def _fast(promise: Promise, scale: float) -> Iterator[Alert | Record]:
    for window in _DIRECT:
        count = partial(increase, seconds=seconds_of(window) * scale + scrape_seconds(scale))
        yield _record(promise, EVENTS[window], _events(promise, count))
        yield _record(promise, ERRORS[window], _errors(promise, count, _of(promise, EVENTS[window])))
    for window in ("2h", "6h"):
        yield from _chained(promise, window, scale)
    for window in (*_DIRECT, "2h", "6h"):
        yield _ratio(promise, window)
    yield _record(promise, TARGET, constant(promise.ratio))
    if promise.budget_ratio:
        yield _record(promise, BURN_RATE, _of(promise, ERROR_RATIO["1h"]) / promise.budget_ratio)
    for tier in TIERS[promise.period][:2]:
        yield _burns(promise, tier)


def _slow(promise: Promise, scale: float) -> Iterator[Alert | Record]:
    for window in dict.fromkeys(("1d", "3d", promise.period)):
        yield from _chained(promise, window, scale)
        yield _ratio(promise, window)
    for tier in TIERS[promise.period][2:]:
        yield _burns(promise, tier)
    if promise.budget_ratio:
        yield _record(promise, BUDGET_REMAINING, _remaining(promise))
        yield _exhausted(promise, scale)


def _where(promise: Promise) -> dict[str, str]:
    return {"route": promise.route, "objective": promise.kind}


def _of(promise: Promise, series: Recorded) -> Vector:
    return select(series, _where(promise))


def _record(promise: Promise, series: Recorded, expr: Vector) -> Record:
    """The labels stand with each rule, since promtool tells rules apart by them."""
    return Record(series=series, expr=expr, labels=_where(promise))


def _events(promise: Promise, count: _Count) -> Vector:
    if promise.kind == "latency":
        return _total(count(select(FIRST_BYTE, {"route": promise.route}, part="count")))
    # A 499 is the client's; a 4xx of the gateway (429, 401) is a refusal, not a service that was rendered.
    served = count(_requests(promise, {"class": Matching("2xx|3xx|5xx")}))
    return _total(served | count(_requests(promise, {"class": "4xx", "source": "upstream"})))


def _errors(promise: Promise, count: _Count, events: Vector) -> Vector:
    if promise.edge_seconds is None:
        return _total(count(_requests(promise, {"class": "5xx"}))) | 0 * _total(events)
    in_time = select(FIRST_BYTE, {"route": promise.route, "le": edge(promise.edge_seconds)}, part="bucket")
    return clamp_min(_total(events) - _total(count(in_time)), 0)


def _requests(promise: Promise, where: Mapping[str, str | Matching]) -> Selector:
    return select(REQUESTS, {"route": promise.route, **where})


def _total(vector: Vector) -> Vector:
    return total(vector, "route")


def _chained(promise: Promise, window: str, scale: float) -> Iterator[Record]:
    base, times = _CHAIN[window]
    for series in (EVENTS, ERRORS):
        yield _record(
            promise, series[window], _end_to_end(promise, series[base], times, seconds_of(base) * scale, scale)
        )


def _end_to_end(promise: Promise, series: Recorded, times: int, seconds: float, scale: float) -> Vector:
    now = select(series, _where(promise))
    before = (over_time("last", now.ago(seconds * count), GAP_SECONDS * scale) | 0 * now for count in range(1, times))
    return reduce(add, before, now)


def _ratio(promise: Promise, window: str) -> Record:
    events = _of(promise, EVENTS[window])
    return _record(promise, ERROR_RATIO[window], _of(promise, ERRORS[window]) / (events > 0))


def _remaining(promise: Promise) -> Vector:
    """Without any event in the period nothing is spent."""
    spent = _of(promise, ERROR_RATIO[promise.period]) / promise.budget_ratio
    return 1 - spent | 0 * _of(promise, EVENTS[promise.period]) + 1


def _burns(promise: Promise, tier: Tier) -> Alert:
    threshold = tier.threshold(promise.period, promise.budget_ratio)
    short, long = (_of(promise, ERROR_RATIO[window]) > threshold for window in (tier.short, tier.long))
    return Alert(
        name=_NAMES[promise.kind],
        expr=short & long & (_of(promise, ERRORS[tier.long]) >= LEAST_ERRORS),
        severity=tier.severity,
        team=promise.team,
        summary=_SUMMARIES[promise.kind],
        description=(
            f"{{{{ $value | humanizePercentage }}}} of requests to route {promise.route} {_WRONG[promise.kind]} "
            f"over {tier.short}, and more than {percent(threshold)} over {tier.long}. "
            f"Promised are {percent(promise.ratio)} over {promise.period}."
        ),
        dashboard=dashboard(promise.route),
        labels={"tier": tier.name},
    )


def _exhausted(promise: Promise, scale: float) -> Alert:
    enough = _of(promise, ERRORS[promise.period]) >= LEAST_ERRORS
    return Alert(
        name=EXHAUSTED[promise.kind],
        expr=(_of(promise, BUDGET_REMAINING) <= 0) & enough,
        for_seconds=300 * scale,
        severity=Severity.WARNING,
        team=promise.team,
        summary="The error budget of an objective is spent.",
        description=(
            f"Of the {promise.kind} budget of route {promise.route} over {promise.period} "
            "{{ $value | humanizePercentage }} is left: releases can wait, repairs cannot."
        ),
        dashboard=dashboard(promise.route),
    )


def dashboard(route: str) -> str:
    """Return where Grafana shows a route."""
    return f"/d/casino-route?var-route={route}"


def percent(ratio: float) -> str:
    """Write a share for people."""
    return f"{ratio * 100:.10g}%"
