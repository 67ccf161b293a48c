"""Which faults are in force together: those that do not touch each other; and how soon each alert must fire."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from alerts.prometheus import EVALUATION_SECONDS, scrape_seconds
from alerts.rule import Alert
from casino.drill.fault import Fault, Ground, Trial, with_trials
from casino.drill.key import Key


class Expected(Struct, frozen=True):
    """When an alert fires after the fault, and ends after the fault's end; seconds by the wall's clock."""

    fires_seconds: float
    ends_seconds: float


def waves(faults: Iterable[Fault]) -> tuple[tuple[Fault, ...], ...]:
    """Put each fault into the first wave of its ground in which it meets none; long ones first, so that waves are level."""
    found: list[list[Fault]] = []
    for fault in faults:
        free = next((wave for wave in found if not any(fault.meets(other) for other in wave)), None)
        if free is None:
            found.append([fault])
        else:
            free.append(fault)
    return tuple(map(tuple, found))


def by_ground(faults: Iterable[Fault], alerts: Mapping[Key, Alert]) -> dict[Ground, tuple[tuple[Fault, ...], ...]]:
    """Return the waves of each ground that has any."""
    longest = sorted(faults, key=lambda fault: -_lasts(fault, alerts))
    grounds = {ground: [fault for fault in longest if fault.ground is ground] for ground in Ground}
    return {ground: waves(some) for ground, some in grounds.items() if some}


def _lasts(fault: Fault, alerts: Mapping[Key, Alert]) -> float:
    expected = (expect(trial, alerts[trial.key], 1.0) for trial in fault.trials)
    return max((each.fires_seconds + each.ends_seconds for each in expected), default=0.0)


def expect(trial: Trial, alert: Alert, scale: float) -> Expected:
    """Return the closed form: the effect of the fault, then the window, then `for`, then at most a scrape and an evaluation.

    `alert` is the one of production; the drilled one is shorter by `scale`.
    """
    at_most = scrape_seconds(scale) + EVALUATION_SECONDS * scale
    return Expected(
        fires_seconds=trial.effect_seconds + (trial.window_seconds + alert.for_seconds) * scale + at_most,
        ends_seconds=trial.clears_seconds * scale + at_most,
    )


def chosen(faults: Iterable[Fault], names: Iterable[str]) -> tuple[tuple[Fault, ...], tuple[str, ...]]:
    """Return the faults that names choose, by their own name or by an alert's, and the names that choose none.

    Of a fault chosen by an alert only that alert's trials are left.
    """
    found: dict[str, Fault] = {}
    unknown = []
    every = tuple(faults)
    for name in names:
        of_it = [each for each in (_only(fault, name) for fault in every) if each.trials]
        for fault in of_it:
            before = found.get(fault.name)
            trials = dict.fromkeys((*(before.trials if before else ()), *fault.trials))
            found[fault.name] = with_trials(fault, tuple(trials))
        if not of_it:
            unknown.append(name)
    return tuple(found.values()), tuple(unknown)


def _only(fault: Fault, name: str) -> Fault:
    if fault.name == name:
        return fault
    return with_trials(fault, tuple(trial for trial in fault.trials if name in {trial.key.name, str(trial.key)}))
