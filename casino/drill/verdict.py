"""What became of one alert: when it fired, when somebody was paged, when that ended, and whether that is what was promised."""

from enum import StrEnum

from msgspec import Struct

from casino.drill.fault import Fault, Told, Trial
from casino.drill.plan import Expected

STALL_SECONDS = 5.0
"""A machine that is busy with four stacks may pause for so long; a drill judges rules, not the machine."""


class Verdict(StrEnum):
    """The last column."""

    PROVEN = "proven"
    LATE = "proven, late"
    """All of it happened, but it fired later than its closed form says."""
    SILENT = "did not fire"
    UNTOLD = "nobody was told"
    UNENDING = "did not resolve"
    BROKEN_OFF = "broken off"

    @property
    def is_proof(self) -> bool:
        return self in {Verdict.PROVEN, Verdict.LATE}


class Sighting(Struct, frozen=True, kw_only=True):
    """What was seen of one alert, in Unix time; None: never."""

    broke_at: float
    healed_at: float | None = None
    fired_at: float | None = None
    told_at: float | None = None
    ended_at: float | None = None
    """The end of the incident; of an alert that tells nobody, its own."""
    was_broken_off: bool = False


class Outcome(Struct, frozen=True, kw_only=True):
    """One line of the table. Seconds count from the fault; `resolved_seconds` from its end."""

    alert: str
    fault: str
    ground: str
    scale: float
    told: Told
    expected_seconds: float
    fired_seconds: float | None
    told_seconds: float | None
    resolved_seconds: float | None
    verdict: Verdict


def judge(fault: Fault, trial: Trial, *, scale: float, expected: Expected, seen: Sighting) -> Outcome:
    """Compare what was seen with what was promised."""
    return Outcome(
        alert=str(trial.key),
        fault=fault.what,
        ground=fault.ground.value,
        scale=scale,
        told=trial.told,
        expected_seconds=expected.fires_seconds,
        fired_seconds=_since(seen.broke_at, seen.fired_at),
        told_seconds=_since(seen.broke_at, seen.told_at),
        resolved_seconds=_since(seen.healed_at, seen.ended_at),
        verdict=_verdict(trial, expected, seen),
    )


def _verdict(trial: Trial, expected: Expected, seen: Sighting) -> Verdict:
    if seen.ended_at is None and seen.was_broken_off:
        return Verdict.BROKEN_OFF
    if seen.fired_at is None:
        return Verdict.SILENT
    if seen.told_at is None and trial.told is not Told.NOBODY:
        return Verdict.UNTOLD
    if seen.ended_at is None:
        return Verdict.UNENDING
    is_late = seen.fired_at - seen.broke_at > expected.fires_seconds + STALL_SECONDS
    return Verdict.LATE if is_late else Verdict.PROVEN


def _since(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)
