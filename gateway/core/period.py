"""Calendar periods of quotas: days and months of UTC, whatever the clock of the host is set to show."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct


class Period(Struct, frozen=True):
    """One day or month."""

    name: str
    """`2026-11-22` or `2026-11`."""
    ends: float
    """When the next one begins, in Unix seconds."""


def period_of(unix_seconds: float, length: Literal["day", "month"]) -> Period:
    """Return the period a moment lies in."""
    begin = datetime.fromtimestamp(unix_seconds, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if length == "day":
        return Period(begin.strftime("%Y-%m-%d"), (begin + timedelta(days=1)).timestamp())
    begin = begin.replace(day=1)
    return Period(begin.strftime("%Y-%m"), (begin + timedelta(days=32)).replace(day=1).timestamp())
