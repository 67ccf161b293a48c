"""The table that people read, and the same for machines."""

from collections.abc import Iterable

import msgspec

from casino.drill.fault import Fault, Told, Undrilled
from casino.drill.verdict import Outcome
from casino.paint import Paint

_HEAD = ("alert", "fault", "time", "expected", "fired", "paged", "resolved", "verdict")
NOTHING = "-"


def table(outcomes: Iterable[Outcome], undrilled: Iterable[Undrilled], paint: Paint) -> str:
    """Return one line for each alert, and one for each that was not drilled."""
    rows = [_row(each) for each in outcomes]
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (_HEAD, *rows)
    ]
    painted = [
        lines[0],
        *(paint.verdict(line, good=each.verdict.is_proof) for line, each in zip(lines[1:], outcomes, strict=True)),
    ]
    left = [f"not drilled: {each.key}: {each.reason}" for each in undrilled]
    return "\n".join([*painted, *([""] if left else []), *left])


def _row(each: Outcome) -> tuple[str, ...]:
    by = {Told.ITSELF: "", Told.AFTERWARDS: " afterwards", Told.BRIDGE: " by the bridge", Told.NOBODY: ""}[each.told]
    paged = "nobody" if each.told is Told.NOBODY else f"{_seconds(each.told_seconds)}{by}"
    return (
        each.alert, each.fault, speed(each.scale), _seconds(each.expected_seconds), _seconds(each.fired_seconds), paged,
        _seconds(each.resolved_seconds), each.verdict.value,
    )  # fmt: skip


def speed(scale: float) -> str:
    """Write a time scale: `as it is`, or how many times as fast."""
    return "as it is" if scale == 1 else f"{1 / scale:g} x"


def _seconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{seconds:.1f}s"


def as_json(outcomes: Iterable[Outcome], undrilled: Iterable[Undrilled]) -> str:
    """Return the same for a machine."""
    left = [{"alert": str(each.key), "reason": each.reason} for each in undrilled]
    return msgspec.json.format(msgspec.json.encode({"drilled": list(outcomes), "undrilled": left})).decode()


def listing(faults: Iterable[Fault], undrilled: Iterable[Undrilled]) -> str:
    """Return every fault with the alerts that it must set off, and what is left."""
    lines = []
    for fault in faults:
        lines.append(f"{fault.name:<22} {fault.ground:<9} {fault.what}")
        lines += [f"{'':<22} {'':<9}   {trial.key}" for trial in fault.trials]
    return "\n".join([*lines, "", *(f"not drilled: {each.key}: {each.reason}" for each in undrilled)])
