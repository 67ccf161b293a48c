"""What an alert changes, given what is known of its incident.

Deliveries repeat, overtake one another and come from two Alertmanagers: only the alert's own times say which is newer.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

from msgspec import Struct

from alerts.pagerduty.core.alert import Alert

WATCHDOG = "Watchdog"


class Verdict(StrEnum):
    """What becomes of one alert; the label of a metric and the word in the audit."""

    OPENED = "opened"
    """The first time it is told: a trigger."""
    DOUBTFUL = "doubtful"
    """It ended before and claims to have begun earlier still: told late, or Alertmanager thought it over too soon. A
    trigger that is sent only if Alertmanager says that it fires."""
    CLOSED = "closed"
    """It ended: a resolve."""
    HEALED = "healed"
    """The end of something never heard of (a bridge with an empty disk): a resolve, which costs nothing if in vain."""
    REPEATED = "repeated"
    """Known already."""
    STALE = "stale"
    """The end of what began again since."""
    HEARTBEAT = "heartbeat"
    """The dead man's switch: remembered, never sent."""


class Incident(Struct, frozen=True, kw_only=True):
    """What is known of one key. It is what Alertmanager last said; whether PagerDuty knows it already, the queue says."""

    key: str
    target: str
    """The name of the routing key it was opened with: its resolve must go there too."""
    is_open: bool
    starts_at: float
    ends_at: float = 0.0


class Action(StrEnum):
    """What a queued event does."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"
    CHANGE = "change"


ACTIONS = {
    Verdict.OPENED: Action.TRIGGER,
    Verdict.DOUBTFUL: Action.TRIGGER,
    Verdict.CLOSED: Action.RESOLVE,
    Verdict.HEALED: Action.RESOLVE,
}
"""Verdicts that put something into the queue."""


def judge(alert: Alert, known: Incident | None) -> Verdict:
    """Decide what an alert means."""
    if alert.name == WATCHDOG and alert.labels.get("severity", "none") == "none":
        return Verdict.HEARTBEAT
    return _fires(alert, known) if alert.firing else _ends(alert, known)


def _fires(alert: Alert, known: Incident | None) -> Verdict:
    if known is None:
        return Verdict.OPENED
    if known.is_open:
        return Verdict.REPEATED
    return Verdict.OPENED if alert.starts_at >= known.ends_at else Verdict.DOUBTFUL


def _ends(alert: Alert, known: Incident | None) -> Verdict:
    if known is None:
        return Verdict.HEALED
    if not known.is_open:
        return Verdict.REPEATED
    return Verdict.STALE if alert.ends_at < known.starts_at else Verdict.CLOSED


def incident_after(verdict: Verdict, alert: Alert, target: str, known: Incident | None) -> Incident | None:
    """Return what is known after a verdict; None when nothing changes."""
    match verdict:
        case Verdict.OPENED | Verdict.DOUBTFUL:
            return Incident(key=alert.key, target=target, is_open=True, starts_at=alert.starts_at)
        case Verdict.CLOSED | Verdict.HEALED:
            kept = known.target if known else target
            return Incident(key=alert.key, target=kept, is_open=False, starts_at=alert.starts_at, ends_at=alert.ends_at)
        case Verdict.REPEATED | Verdict.STALE | Verdict.HEARTBEAT:
            return None
        case _:
            assert_never(verdict)


def target_of(alert: Alert, pages: Mapping[str, str], default: str) -> str:
    """Return the name of the routing key for an alert: its team's, or the default one."""
    return pages.get(alert.labels.get("team", ""), default)
