"""The healthy past that a drilled Prometheus begins with, as OpenMetrics text for promtool: windows of days need not be waited for.

It holds what was asked of each promise's route at the rate the drill will go on with, no error, and the recorded series
of whole windows. Of budgets it says that most was spent long ago, and will be forgiven soon after the drill has spent the rest.
"""

from collections.abc import Iterator

from alerts.promise import Promise
from casino.drill.budgets import LOAD_PER_SECOND, ROUTES, SHARES, left_seconds, recovers_seconds
from exporters.catalog.objective import ERRORS, EVENTS
from exporters.duration import seconds_of
from exporters.promql import edge

HOUR, DAY = 3600.0, 86_400.0
_REACH = {"1h": HOUR, "2h": 6 * HOUR, "6h": DAY, "1d": 3 * DAY, "3d": 30 * DAY}
"""How far back the next longer window looks at each recorded one (alerts.objectives chains them)."""
STEP_SECONDS = 900.0
"""Rules take a recorded window from up to half an hour before."""
RAW_STEP_SECONDS = 15.0
WEEK_SPAN_SECONDS = HOUR
"""By the wall's clock, from the moment a week ago: the drill goes on meanwhile, and looks there last of all."""

Sample = tuple[str, float, float]
"""A series, its value, and when, in Unix time."""


def text(promises: tuple[Promise, ...], *, now: float, scale: float, is_long: bool) -> str:
    """Write the history of promises up to `now`; `is_long`: beyond the last hour, for windows of days and last week."""
    families: dict[str, tuple[str, list[str]]] = {}
    for kind, name, sample in _samples(promises, now, scale, is_long=is_long):
        series, value, at = sample
        families.setdefault(name, (kind, []))[1].append(f"{series} {value:.6f} {at:.3f}")
    parts = (f"# TYPE {name} {kind}\n" + "\n".join(lines) + "\n" for name, (kind, lines) in families.items())
    return "".join(parts) + "# EOF\n"


def _samples(
    promises: tuple[Promise, ...], now: float, scale: float, *, is_long: bool
) -> Iterator[tuple[str, str, Sample]]:
    for promise in promises:
        yield from _raw(promise, now, scale)
        if is_long:
            yield from _recorded(promise, now, scale)
    if is_long:
        for at, count in _counted(LOAD_PER_SECOND, now - 7 * DAY * scale, 2 * HOUR * scale, WEEK_SPAN_SECONDS, scale):
            labels = 'route="history",method="GET",code="200"'
            yield "counter", "gateway_responses", (f"gateway_responses_total{{{labels}}}", count, at)


def _raw(promise: Promise, now: float, scale: float) -> Iterator[tuple[str, str, Sample]]:
    for at, count in _counted(ROUTES[promise.route], now, HOUR * 1.1 * scale, 0.0, scale):
        of = f'route="{promise.route}",arm="history"'
        if promise.edge_seconds is None:
            series = f'gateway_requests_total{{{of},class="2xx",source="upstream"}}'
            yield "counter", "gateway_requests", (series, count, at)
        else:
            name = "gateway_first_byte_seconds"
            for part, labels in (
                ("bucket", f'{of},le="{edge(promise.edge_seconds)}"'),
                ("bucket", f'{of},le="+Inf"'),
                ("count", of),
            ):
                yield "histogram", name, (f"{name}_{part}{{{labels}}}", count, at)


def _counted(
    per_second: float, moment: float, before: float, after: float, scale: float
) -> Iterator[tuple[float, float]]:
    """A counter that rises steadily around a moment: when, and how far it is."""
    step = RAW_STEP_SECONDS * scale
    return ((moment - before + step * i, per_second * step * i) for i in range(int((before + after) / step) + 1))


def _recorded(promise: Promise, now: float, scale: float) -> Iterator[tuple[str, str, Sample]]:
    step, rate = STEP_SECONDS * scale, ROUTES[promise.route]
    labels = f'{{objective="{promise.kind}",route="{promise.route}"}}'
    recovers = now + recovers_seconds(promise, scale)
    for window, reach in _REACH.items():
        steps = int(reach * scale / step) + 1
        for at in (now - step * i for i in range(steps, -1, -1)):
            events = rate * seconds_of(window) * scale
            # The oldest part of the period is a look at the last of these series but 27 days ago.
            is_spent = window == "3d" and at < recovers - 27 * DAY * scale
            errors = _spent(promise, rate, scale) if is_spent else 0.0
            yield "gauge", EVENTS[window].name, (EVENTS[window].name + labels, events, at)
            yield "gauge", ERRORS[window].name, (ERRORS[window].name + labels, errors, at)


def _spent(promise: Promise, rate: float, scale: float) -> float:
    """Errors of long ago: the budget, save what the fault has to spend."""
    budget = promise.budget_ratio * rate * seconds_of(promise.period) * scale
    return budget - left_seconds(promise) * scale * rate * SHARES[promise.kind]
