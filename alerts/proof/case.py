"""One alert's test as data: what it watches when all is well, just below its threshold and just above it."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from alerts.proof.timeline import Asked, Phase, Series, state, test

SAMPLE_SECONDS, EVERY_SECONDS = 15, 30
TOLERANCE_SECONDS = 45.0
"""A scrape and an evaluation."""
MINUTE = 60.0
AT = 'job="casino",instance="a:9080"'
"""What Prometheus adds to the series of a gateway."""


class Feed(Struct, frozen=True):
    """One input series: a gauge's values, or by how much a counter grows in a minute."""

    series: str
    well: float
    below: float
    above: float
    counts: bool = False


def counter(series: str, well: float, below: float, above: float) -> Feed:
    """Return a counter; values are increases in a minute."""
    return Feed(series, well, below, above, counts=True)


def twin(feed: Feed, well: float, below: float, above: float) -> Feed:
    """Return a gauge beside another, which other labels than its alert's keep apart."""
    return Feed(f'{feed.series[:-1]},part="2"}}', well, below, above)


class Case(Struct, frozen=True, kw_only=True):
    """What an alert is expected to do. Written by hand, so that it does not follow a mistake in the rule."""

    alert: str
    labels: dict[str, str]
    """All it fires with."""
    feeds: tuple[Feed, ...]
    wait_minutes: float = 0
    """Its `for`."""
    range_minutes: float = 0
    """How far back it looks: so long until a change is seen whole."""
    sees_minutes: float | None = None
    """From the change to above until what it looks at crosses the threshold. None: half of the range, as for rates that
    change from as far below to as far above.
    """


def entries(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return the tests: well, just below, just above, well again. Cases that share no metric are played at the same time."""
    return [_together(each) for each in _apart(cases)]


def _apart(cases: Sequence[Case]) -> list[list[Case]]:
    """Put each case to the first others that feed no metric of its own."""
    parts: list[list[Case]] = []
    for case in cases:
        mine = _metrics(case)
        found = next((part for part in parts if not any(mine & _metrics(other) for other in part)), None)
        if found is None:
            parts.append([case])
        else:
            found.append(case)
    return parts


def _metrics(case: Case) -> set[str]:
    return {feed.series.partition("{")[0] for feed in case.feeds}


def _together(cases: Sequence[Case]) -> dict[str, Any]:
    names = ", ".join(case.alert for case in cases)
    played = [_played(case) for case in cases]
    series = tuple(each for all_of, _ in played for each in all_of)
    asked = tuple(each for _, all_of in played for each in all_of)
    return test(f"{names}: well, just below, just above, clears", SAMPLE_SECONDS, series, asked)


def _played(case: Case) -> tuple[tuple[Series, ...], tuple[Asked, ...]]:
    look, wait = case.range_minutes * MINUTE, case.wait_minutes * MINUTE
    slack = 4 * EVERY_SECONDS
    lengths = (look + slack, look + wait + slack, look + wait + slack, look + slack)
    series = tuple(
        Series(
            part.series, tuple(map(_phase(part), lengths, (part.well, part.below, part.above, part.well))), part.counts
        )
        for feed in case.feeds
        for part in _parts(feed)
    )
    # A gauge changes at the end of a phase, so each is judged by the last evaluation within it.
    well, below, above, end = (sum(lengths[: count + 1]) - EVERY_SECONDS for count in range(4))
    sees = case.range_minutes / 2 if case.sees_minutes is None else case.sees_minutes
    fires = sum(lengths[:2]) + sees * MINUTE + wait
    early, late = (moment - moment % EVERY_SECONDS for moment in (fires - TOLERANCE_SECONDS, fires + TOLERANCE_SECONDS))
    return series, (
        state(case.alert, well, None),
        state(case.alert, below, None),
        state(case.alert, max(early, below), None),
        state(case.alert, late, case.labels),
        state(case.alert, above, case.labels),
        state(case.alert, end, None),
    )


def _parts(feed: Feed) -> tuple[Feed, ...]:
    """Of a counter, two series that are half of it each: only their sum is what the case says."""
    if not feed.counts or "part=" in feed.series:
        return (feed,)
    values = feed.well / 2, feed.below / 2, feed.above / 2
    return tuple(Feed(f'{feed.series[:-1]},part="{part}"}}', *values, counts=True) for part in (1, 2))


def _phase(feed: Feed) -> Any:
    return lambda seconds, value: Phase(seconds, value / MINUTE if feed.counts else value)
