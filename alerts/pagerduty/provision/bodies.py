"""What is sent to PagerDuty to make an object what the spec wants. Pure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.pagerduty.provision.api import Document
from alerts.pagerduty.provision.found import Account, lasting
from alerts.pagerduty.provision.hours import ALWAYS, DAY_SECONDS, Stretch
from alerts.pagerduty.provision.shape import Kind, Layer, Policy, Schedule, Service, Shape, Team
from alerts.pagerduty.provision.wanted import ANCHOR

EVENTS = "events_api_v2_inbound_integration"


def body(name: str, shape: Shape, account: Account, now: datetime) -> Document:
    """Return the document of an object; `now` is when layers that are new begin, in UTC."""
    match shape:
        case Team():
            return {"type": "team", "name": name, "description": shape.description}
        case Schedule():
            return _schedule(name, shape, account, now)
        case Policy():
            return _policy(name, shape, account)
        case Service():
            return _service(name, shape, account)


def integration(name: str) -> Document:
    return {"type": EVENTS, "name": name}


def _schedule(name: str, shape: Schedule, account: Account, now: datetime) -> Document:
    current = account.documents.get((Kind.SCHEDULE, name), {})
    there = {each["name"]: each for each in lasting(current)}
    zone = ZoneInfo(shape.time_zone)
    return {
        "type": "schedule",
        "name": name,
        "description": shape.description,
        "time_zone": shape.time_zone,
        "teams": _teams(shape.teams, account),
        "schedule_layers": [_layer(each, there.get(each.name), zone, account, now) for each in shape.layers],
    }


def _layer(layer: Layer, there: Document | None, zone: ZoneInfo, account: Account, now: datetime) -> Document:
    kept = {"id": there["id"], "start": there["start"]} if there else {"start": now.isoformat(timespec="seconds")}
    return {
        **kept,
        "name": layer.name,
        "rotation_virtual_start": _begins(layer, zone).isoformat(),
        "rotation_turn_length_seconds": layer.turn_seconds,
        "users": [{"user": _reference("user", account.users[each])} for each in layer.users],
        "restrictions": [] if layer.hours == ALWAYS else list(map(_restriction, layer.hours)),
    }


def _begins(layer: Layer, zone: ZoneInfo) -> datetime:
    """Return a moment at which a cycle begins; not one in the hour that clocks leave out in spring."""
    clocks = ANCHOR + timedelta(seconds=layer.phase_seconds)
    while clocks.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != clocks:
        clocks += timedelta(seconds=layer.turn_seconds * len(layer.users))
    return clocks.replace(tzinfo=zone)


def _restriction(stretch: Stretch) -> Document:
    day, rest = divmod(stretch[0], DAY_SECONDS)
    return {
        "type": "weekly_restriction",
        "start_day_of_week": day + 1,
        "start_time_of_day": f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}",
        "duration_seconds": stretch[1],
    }


def _policy(name: str, shape: Policy, account: Account) -> Document:
    return {
        "type": "escalation_policy",
        "name": name,
        "description": shape.description,
        "num_loops": shape.repeat,
        "teams": _teams(shape.teams, account),
        "escalation_rules": [
            {
                "escalation_delay_in_minutes": level.after_minutes,
                "targets": [_target(each, account) for each in level.tell],
            }
            for level in shape.levels
        ],
    }


def _target(name: str, account: Account) -> Document:
    if "@" in name:
        return _reference("user", account.users[name])
    return _reference("schedule", account.id_of(Kind.SCHEDULE, name))


def _service(name: str, shape: Service, account: Account) -> Document:
    """Both timeouts are always said: left out, PagerDuty would close long incidents by itself after four hours."""
    return {
        "type": "service",
        "name": name,
        "description": shape.description,
        "escalation_policy": _reference("escalation_policy", account.id_of(Kind.POLICY, shape.policy)),
        "teams": _teams(shape.teams, account),
        "incident_urgency_rule": {"type": "constant", "urgency": _urgency(shape.urgency)},
        "support_hours": None,
        "acknowledgement_timeout": shape.acknowledgement_timeout_seconds,
        "auto_resolve_timeout": shape.auto_resolve_timeout_seconds,
    }


def _urgency(word: str) -> str:
    return "severity_based" if word == "severity" else word


def _teams(names: tuple[str, ...], account: Account) -> list[Document]:
    return [_reference("team", account.id_of(Kind.TEAM, each)) for each in names]


def _reference(kind: str, id_: str) -> Document:
    return {"id": id_, "type": f"{kind}_reference"}
