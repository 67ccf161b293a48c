"""Whether an alert still fires, as far as the Alertmanagers can tell, and which open incidents are orphans.

Silence proves little. An Alertmanager that cannot be reached says nothing; one that just started knows nothing yet;
and where not even the Watchdog is listed, Prometheus does not reach it. Only who lists can be believed at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from alerts.pagerduty.core.alert import Alert
from alerts.pagerduty.core.intake import WATCHDOG


class Listed(Struct, frozen=True):
    """One alert that an Alertmanager lists."""

    alert: Alert
    receivers: tuple[str, ...]
    is_muted: bool
    """Silenced or inhibited: it fires, and nobody shall be told."""


class View(Struct, frozen=True, kw_only=True):
    """What one Alertmanager says; those that could not be reached have none."""

    listed: Mapping[str, Listed]
    """By key: all that fires, muted or not."""
    up_seconds: float
    """Since when it runs."""
    at: float


class Caution(Struct, frozen=True, kw_only=True):
    """When an Alertmanager's silence about an alert is believed."""

    warm_up_seconds: float
    """It must have run so long: Prometheus tells it of all that fires once a minute."""
    expects_watchdog: bool
    """It must list the Watchdog."""


class Standing(StrEnum):
    """What is known of an alert now."""

    FIRES = "fires"
    OVER = "over"
    UNKNOWN = "unknown"


def vouches(view: View, caution: Caution) -> bool:
    """Say whether what a view does not list is over."""
    if view.up_seconds < caution.warm_up_seconds:
        return False
    return not caution.expects_watchdog or any(each.alert.name == WATCHDOG for each in view.listed.values())


def standing(key: str, views: Sequence[View], caution: Caution) -> Standing:
    """Say whether an alert fires."""
    if any(key in view.listed for view in views):
        return Standing.FIRES
    return Standing.OVER if any(vouches(view, caution) for view in views) else Standing.UNKNOWN


def still_absent(
    open_keys: Iterable[str], views: Sequence[View], caution: Caution, since: Mapping[str, float], now: float
) -> dict[str, float]:
    """Return since when each open incident is listed by nobody, given what was so in the round before.

    Empty whenever nobody can vouch: the grace time of every incident begins anew.
    """
    return {key: since.get(key, now) for key in open_keys if standing(key, views, caution) is Standing.OVER}


def overdue(since: Mapping[str, float], grace_seconds: float, now: float) -> tuple[str, ...]:
    """Return what has been so for longer than the grace time."""
    return tuple(key for key, first in since.items() if now - first >= grace_seconds)


def untold(
    views: Sequence[View], open_keys: frozenset[str], receivers: frozenset[str], since: Mapping[str, float], now: float
) -> dict[str, float]:
    """Return since when each alert fires for a receiver of ours, and is no open incident: its webhook got lost."""
    return {
        key: since.get(key, now)
        for view in views
        for key, each in view.listed.items()
        if key not in open_keys
        and not each.is_muted
        and each.alert.name != WATCHDOG
        and receivers.intersection(each.receivers)
    }
