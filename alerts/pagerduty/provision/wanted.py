"""What a spec wants at PagerDuty. Pure."""

from datetime import datetime, timedelta

from alerts.pagerduty.provision.hours import DAY_SECONDS, held
from alerts.pagerduty.provision.shape import (
    Kind,
    Layer,
    Level,
    Policy,
    Schedule,
    Service,
    Shapes,
    Team,
    marker,
)
from gateway.spec import pagerduty
from gateway.spec.model import Spec

ANCHOR = datetime(2024, 1, 1)  # noqa: DTZ001 - a Monday by the clocks of any place
TURN_SECONDS = {"12h": DAY_SECONDS // 2, **{f"{days}d": days * DAY_SECONDS for days in (1, 2, 7, 14, 28)}}


def wanted(spec: Spec) -> Shapes:
    """Return every object that a spec wants: its teams are those that own something at PagerDuty."""
    about, paged = marker(spec.pagerduty.owner), spec.pagerduty
    teams = {
        *(each.team for each in paged.schedules.values()),
        *(each.team for each in paged.policies.values()),
        *(each.team for each in paged.services.values()),
    }
    return {
        **{(Kind.TEAM, name): Team(description=about) for name in sorted(filter(None, teams))},
        **{(Kind.SCHEDULE, name): _schedule(each, about) for name, each in paged.schedules.items()},
        **{(Kind.POLICY, name): _policy(each, about) for name, each in paged.policies.items()},
        **{(Kind.SERVICE, name): _service(each, about) for name, each in paged.services.items()},
    }


def phase_seconds(begins: datetime, cycle_seconds: int) -> int:
    """Return how long after `ANCHOR` a rotation begins a cycle; `begins` is by the clocks, without a zone."""
    return (begins - ANCHOR) // timedelta(seconds=1) % cycle_seconds


def _schedule(schedule: pagerduty.Schedule, about: str) -> Schedule:
    layers = tuple(_layer(name, each) for name, each in schedule.layers.items())
    return Schedule(description=about, time_zone=schedule.time_zone, teams=_owners(schedule.team), layers=layers)


def _layer(name: str, layer: pagerduty.Layer) -> Layer:
    turn_seconds = TURN_SECONDS[layer.turn]
    begins = datetime.fromisoformat(layer.begins)
    return Layer(
        name=name,
        users=layer.users,
        turn_seconds=turn_seconds,
        phase_seconds=phase_seconds(begins, turn_seconds * len(layer.users)),
        hours=held(layer.during),
    )


def _policy(policy: pagerduty.Policy, about: str) -> Policy:
    levels = tuple(
        Level(tell=tuple(sorted(each.tell)), after_minutes=int(each.after_seconds) // 60) for each in policy.levels
    )
    return Policy(description=about, levels=levels, repeat=policy.repeat, teams=_owners(policy.team))


def _service(service: pagerduty.PagedService, about: str) -> Service:
    return Service(
        description=about,
        policy=service.policy,
        urgency=service.urgency,
        acknowledgement_timeout_seconds=int(service.acknowledged_seconds) or None,
        auto_resolve_timeout_seconds=int(service.resolves_seconds) or None,
        teams=_owners(service.team),
        integrations=tuple(sorted(service.integrations)),
    )


def _owners(team: str | None) -> tuple[str, ...]:
    return (team,) if team else ()
