"""Tests of alerts that compare with the week before: first what now is crosses its threshold, then what was."""

from typing import Any

from alerts.proof.case import AT
from alerts.proof.timeline import Asked, Phase, Series, state, test

HOUR, MINUTE, WEEK = 3600.0, 60.0, 7 * 86_400.0
EVERY_SECONDS = 150
WAIT = 10 * MINUTE


def traffic(team: str) -> list[dict[str, Any]]:
    """Requests fall below a fifth; last week's rise above five times; and what is gone altogether counts as none."""
    labels = {"severity": "warning", "team": team}
    name, before = "GatewayTrafficDrop", WEEK + 2 * HOUR
    unrouted = _half('gateway_responses_total{route="-",method="GET",code="404",%s}', (before + 4 * HOUR, 1000))
    now = ((before, 100.0), (HOUR, 20.5), (HOUR, 19.5), (2 * HOUR, 100.0))
    then = ((2 * HOUR, 90.0), (WEEK - 2 * HOUR, 110.0), (4 * HOUR, 20.0))
    gone = ((2 * HOUR, 0.5), (4 * HOUR, 1.5))
    return [
        test(f"{name}: just above a fifth, just below", EVERY_SECONDS, (*_requests(now), *unrouted),
             (state(name, before + HOUR, None), *_told(name, before + HOUR + 5 * MINUTE, labels),
              state(name, before + 3 * HOUR, None))),
        test(f"{name}: a week ago it rose to more than five times", EVERY_SECONDS, _requests(then),
             _told(name, WEEK + 2 * HOUR + 30 * MINUTE, labels)),
        test(f"{name}: nothing is left of more than one a second", EVERY_SECONDS, _requests(gone),
             _told(name, WEEK + 2 * HOUR + 30 * MINUTE, labels)),
    ]  # fmt: skip


def refusals(team: str) -> list[dict[str, Any]]:
    """Refusals rise above five times last week's; last week's fall below a fifth."""
    labels = {"severity": "info", "team": team}
    name, before = "GatewayIdentityRefusals", WEEK + 2 * HOUR
    good = _half('gateway_identity_total{route="roll",means="jwt",result="good",%s}', (before + 4 * HOUR, 1000))
    now = ((2 * HOUR, 1.0), (WEEK - 2 * HOUR, 1.0), (2 * HOUR, 4.5), (2 * HOUR, 5.5))
    then = ((2 * HOUR, 1.1), (2 * HOUR, 0.9), (WEEK - 4 * HOUR, 0.5), (4 * HOUR, 5.0))
    return [
        test(f"{name}: just below five times, just above", EVERY_SECONDS, (*_refused(now), *good),
             _told(name, before + 5 * MINUTE, labels)),
        test(f"{name}: a week ago it fell below a fifth", EVERY_SECONDS, (*_refused(then), *good),
             _told(name, WEEK + 2 * HOUR + 30 * MINUTE, labels)),
    ]  # fmt: skip


def _told(name: str, crossing: float, labels: dict[str, str]) -> tuple[Asked, Asked]:
    """Not yet a little before its time, and a little after."""
    return (
        state(name, crossing + WAIT - 3 * MINUTE, None),
        state(name, crossing + WAIT + 3 * MINUTE, labels),
    )


def _requests(phases: tuple[tuple[float, float], ...]) -> tuple[Series, ...]:
    return _half('gateway_responses_total{route="roll",method="GET",code="200",%s}', *phases)


def _refused(phases: tuple[tuple[float, float], ...]) -> tuple[Series, ...]:
    return _half('gateway_identity_total{route="roll",means="jwt",result="bad",%s}', *phases)


def _half(series: str, *phases: tuple[float, float]) -> tuple[Series, ...]:
    """Two series that are half of it each."""
    each = tuple(Phase(seconds, value / 2) for seconds, value in phases)
    return tuple(Series(series % f'{AT},part="{part}"', each) for part in (1, 2))
