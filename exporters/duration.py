"""Durations as Prometheus writes them."""

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def duration(seconds: float) -> str:
    """Write a duration in the greatest unit that holds it whole: `5m`, `90s`, `1d`, `250ms`."""
    milliseconds = round(seconds * 1000)
    return next(f"{milliseconds // size}{unit}" for unit, size in _UNITS if milliseconds % size == 0)


def seconds_of(text: str) -> float:
    """Read what `duration` writes."""
    unit, size = next(
        (unit, size) for unit, size in sorted(_UNITS, key=lambda each: -len(each[0])) if text.endswith(unit)
    )
    return int(text.removesuffix(unit)) * size / 1000
