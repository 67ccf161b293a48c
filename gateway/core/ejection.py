"""Passive outlier detection: which targets of a version are left out because their requests fail.

The unit is the target as the spec writes it. A cap keeps an upstream-wide fault from emptying a version: beyond it
failing targets stay in, because some answers are better than none.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from math import floor

from msgspec import Struct
from msgspec.structs import replace

from gateway.core.window import Window
from gateway.spec.upstream import Ejection

LONGEST = 10
"""The n-th ejection in a row lasts n times the first, up to this factor."""


class Standing(Struct, frozen=True):
    """One target's record."""

    window: Window = Window()
    times: int = 0
    """Ejections in a row; forgotten after it stayed in as long as the longest ejection lasts."""
    until: float | None = None
    """While ejected: when it returns (seconds, monotonic)."""
    returned: float = 0.0

    @property
    def ejected(self) -> bool:
        return self.until is not None


class Outcomes(Struct, frozen=True):
    """How calls to one target ended since the last step; those a client canceled say nothing and are left out."""

    successes: int = 0
    failures: int = 0


def step(
    standings: Mapping[str, Standing],
    outcomes: Mapping[str, Outcomes],
    down: AbstractSet[str],
    policy: Ejection,
    now: float,
) -> dict[str, Standing]:
    """Judge all targets of one version; `outcomes` names every one of them, `down` those out by their health check."""
    after = {
        target: _advance(standings.get(target, Standing()), seen, policy, now) for target, seen in outcomes.items()
    }
    room = floor(policy.most_ratio * len(after) + 1e-9) - sum(standing.ejected for standing in after.values())
    for target in _soonest_due(after)[: max(0, -room)]:
        after[target] = _bring_back(after[target], now)
    room -= len([target for target in down & after.keys() if not after[target].ejected])
    for target in _worst(after, down, policy)[: max(0, room)]:
        after[target] = _eject(after[target], policy, now)
    return after


def _advance(standing: Standing, seen: Outcomes, policy: Ejection, now: float) -> Standing:
    if standing.until is not None:
        return _bring_back(standing, now) if now >= standing.until else standing
    forgiven = standing.times > 0 and now - standing.returned >= LONGEST * policy.eject_seconds
    window = standing.window.add(seen.successes, seen.failures, now=now, seconds=policy.window_seconds)
    if window is standing.window and not forgiven:
        return standing
    return replace(standing, window=window, times=0 if forgiven else standing.times)


def _bring_back(standing: Standing, now: float) -> Standing:
    return Standing(times=standing.times, returned=now)


def _eject(standing: Standing, policy: Ejection, now: float) -> Standing:
    times = standing.times + 1
    return Standing(times=times, until=now + policy.eject_seconds * min(times, LONGEST))


def _soonest_due(standings: Mapping[str, Standing]) -> list[str]:
    due = [(standing.until, target) for target, standing in standings.items() if standing.until is not None]
    return [target for _, target in sorted(due)]


def _worst(standings: Mapping[str, Standing], down: AbstractSet[str], policy: Ejection) -> list[str]:
    """Targets whose share of failures calls for ejection, the worst first; one that is down anyway gains nothing."""
    failing = [
        (standing.window.failures / standing.window.requests, target)
        for target, standing in standings.items()
        if not standing.ejected
        and target not in down
        and standing.window.fails(requests=policy.requests, failures_ratio=policy.failures_ratio)
    ]
    return [target for _, target in sorted(failing, reverse=True)]
