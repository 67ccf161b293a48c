"""When so much fires that telling it one by one takes minutes: one summary incident first, then the members.

A storm begins when more triggers of one routing key wait than PagerDuty takes in a minute, and ends at a quarter of it.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from alerts.pagerduty.core.event import OWN_KEYS, Notice
from alerts.pagerduty.core.severity import RANKS, Severity

CALM_RATIO = 0.25
MOST_NAMES = 40
GROWTH_RATIO = 1.25
"""A storm that grew by less since it was last told needs no further word."""
UPDATE_SECONDS = 30.0
"""Between two words about one storm: each takes a call that a member could have."""


class Weather(StrEnum):
    """What changes."""

    BEGINS = "begins"
    ENDS = "ends"
    SAME = "same"


class Told(Struct, frozen=True):
    """What the summary last said."""

    waiting: int
    worst: Severity
    at: float


class Waiting(Struct, frozen=True):
    """Triggers of one alert name and severity that wait."""

    name: str
    rank: int
    count: int


def weather(waiting: int, *, is_storm: bool, per_minute: int) -> Weather:
    """Decide about one routing key."""
    if is_storm:
        return Weather.ENDS if waiting <= per_minute * CALM_RATIO else Weather.SAME
    return Weather.BEGINS if waiting > per_minute else Weather.SAME


def has_grown(told: Told | None, waiting: int, worst: Severity, now: float) -> bool:
    """Say whether the summary of a storm that goes on must be told anew; None: nobody remembers what it said."""
    if told is None:
        return True
    if now - told.at < UPDATE_SECONDS:
        return False
    return waiting >= told.waiting * GROWTH_RATIO or RANKS[worst] < RANKS[told.worst]


def storm_key(target: str) -> str:
    """Return the dedup key of a storm's summary."""
    return f"{OWN_KEYS}/storm/{target}"


def summary(target: str, waiting: Sequence[Waiting]) -> Notice:
    """Put a storm into one event."""
    by_severity = {
        severity: sum(each.count for each in waiting if each.rank == RANKS[severity]) for severity in Severity
    }
    names: Counter[str] = Counter()
    for each in waiting:
        names[each.name] += each.count
    worst = next((severity for severity, count in by_severity.items() if count), Severity.INFO)
    told = ", ".join(f"{count} {severity.value}" for severity, count in by_severity.items() if count)
    most = ", ".join(f"{name} {count}" for name, count in names.most_common(3))
    return Notice(
        key=storm_key(target),
        summary=f"Alert storm: {sum(names.values())} alerts wait ({told}); most of them {most}. Each follows, critical first.",
        severity=worst,
        details={name: str(count) for name, count in names.most_common(MOST_NAMES)},
    )
