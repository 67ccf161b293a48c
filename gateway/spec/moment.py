"""Reads the moments a spec names: a day, or a minute or second of it, in UTC."""

from datetime import UTC, datetime


def unix_seconds(moment: str) -> float:
    """Give the beginning of a day, or a moment, as seconds since 1970.

    Raises:
        ValueError: the calendar has no such moment.
    """
    return datetime.fromisoformat(moment.removesuffix("Z")).replace(tzinfo=UTC).timestamp()
