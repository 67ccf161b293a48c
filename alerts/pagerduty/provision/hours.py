"""Hours of a week, by the clocks: which seconds layers hold, and which minutes nobody is on call. Pure.

A stretch is (start, length) in seconds since Monday 00:00; it may run over the end of the week. A tuple of stretches is
in its normal form when they are sorted by start, apart from each other, and as few as can be: then equal hours are equal.
"""

from collections.abc import Iterable, Iterator

from gateway.spec.pagerduty import Day, Hours, Schedule

DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Stretch = tuple[int, int]
ALWAYS: tuple[Stretch, ...] = ((0, WEEK_SECONDS),)


def held(during: Iterable[Hours]) -> tuple[Stretch, ...]:
    """Return the hours in which a layer holds; without any, it holds always."""
    return normal(stretch for hours in during for stretch in _stretches(hours)) or ALWAYS


def uncovered(schedule: Schedule) -> tuple[Stretch, ...]:
    """Return the hours in which no layer holds."""
    covered = normal(stretch for layer in schedule.layers.values() for stretch in held(layer.during))
    return normal(_between(covered))


def normal(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Bring stretches, which may overlap, into their normal form."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(_cut(stretches)):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    if len(merged) > 1 and merged[0][0] == 0 and merged[-1][1] == WEEK_SECONDS:
        _, end = merged.pop(0)
        merged[-1] = merged[-1][0], WEEK_SECONDS + end
    return tuple((start, end - start) for start, end in merged)


def told(stretch: Stretch) -> str:
    """Say a stretch in words: `sat 20:00 to mon 08:00`."""
    start, length = stretch
    return "the whole week" if length == WEEK_SECONDS else f"{_moment(start)} to {_moment(start + length)}"


def _stretches(hours: Hours) -> Iterator[Stretch]:
    start, end = _seconds(hours.from_), _seconds(hours.to)
    length = (end - start) % DAY_SECONDS or DAY_SECONDS
    return ((DAYS.index(day) * DAY_SECONDS + start, length) for day in hours.days or DAYS)


def _cut(stretches: Iterable[Stretch]) -> Iterator[tuple[int, int]]:
    """Turn stretches into (start, end) within the week."""
    for start, length in stretches:
        end = start + min(length, WEEK_SECONDS)
        if end <= WEEK_SECONDS:
            yield start, end
        else:
            yield start, WEEK_SECONDS
            yield 0, end - WEEK_SECONDS


def _between(covered: tuple[Stretch, ...]) -> Iterator[Stretch]:
    if not covered:
        yield 0, WEEK_SECONDS
    for place, (start, length) in enumerate(covered):
        following = covered[(place + 1) % len(covered)][0]
        gap = (following - start - length) % WEEK_SECONDS
        if gap and length < WEEK_SECONDS:
            yield (start + length) % WEEK_SECONDS, gap


def _seconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _moment(seconds: int) -> str:
    day, rest = divmod(seconds % WEEK_SECONDS, DAY_SECONDS)
    return f"{DAYS[day]} {rest // 3600:02}:{rest % 3600 // 60:02}"
