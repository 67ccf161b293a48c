"""Who is on call on a schedule at a moment: an override, else the highest layer that holds then.

Turns and restrictions follow the clocks of the schedule's time zone, so that a handover at nine stays at nine.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.pagerduty.standin.resource import DAY_SECONDS, WEEK_SECONDS, Layer, Override, Restriction, Schedule

MIDNIGHT = datetime(1970, 1, 5)  # noqa: DTZ001 - a Monday by the clocks of any place


def on_call(schedule: Schedule, overrides: Iterable[Override], now: float) -> str | None:
    """Return the id of who is on call; None: nobody."""
    moment = datetime.fromtimestamp(now, UTC)
    for override in overrides:
        if override.start <= moment < override.end:
            return override.user.id
    zone = ZoneInfo(schedule.time_zone)
    for layer in reversed(schedule.schedule_layers):
        if _holds(layer, moment, zone):
            turns = (_clocks(moment, zone) - _clocks(layer.rotation_virtual_start, zone)) // timedelta(
                seconds=layer.rotation_turn_length_seconds
            )
            return layer.users[turns % len(layer.users)].user.id
    return None


def _holds(layer: Layer, moment: datetime, zone: ZoneInfo) -> bool:
    if moment < layer.start or (layer.end is not None and moment >= layer.end):
        return False
    clocks = _clocks(moment, zone)
    return not layer.restrictions or any(_within(each, clocks) for each in layer.restrictions)


def _within(restriction: Restriction, clocks: datetime) -> bool:
    hours, minutes, seconds = map(int, restriction.start_time_of_day.split(":"))
    start = hours * 3600 + minutes * 60 + seconds
    cycle = DAY_SECONDS
    if restriction.start_day_of_week is not None:
        start += (restriction.start_day_of_week - 1) * DAY_SECONDS
        cycle = WEEK_SECONDS
    passed = ((clocks - MIDNIGHT) // timedelta(seconds=1) - start) % cycle
    return passed < restriction.duration_seconds


def _clocks(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
