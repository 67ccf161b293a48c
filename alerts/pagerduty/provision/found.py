"""What is at PagerDuty: the documents of its REST API, and the same in the words of `shape`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from alerts.pagerduty.provision.api import Api, Document
from alerts.pagerduty.provision.hours import ALWAYS, DAY_SECONDS, Stretch, normal
from alerts.pagerduty.provision.shape import (
    Kind,
    Layer,
    Level,
    Policy,
    Schedule,
    Service,
    Shape,
    Team,
    is_owned,
)
from alerts.pagerduty.provision.wanted import phase_seconds

OPEN = ("triggered", "acknowledged")
URGENCIES = {"severity_based": "severity", "high": "high", "low": "low"}

Key = tuple[Kind, str]


class Account(Struct, frozen=True, kw_only=True):
    """An account as it was when it was read."""

    documents: dict[Key, Document]
    """By kind and name."""
    names: dict[str, str]
    """Of objects by id; of users, their mail addresses."""
    users: dict[str, str]
    """The ids of users by mail address."""

    def id_of(self, kind: Kind, name: str) -> str:
        found: str = self.documents[kind, name]["id"]
        return found

    def is_owned(self, key: Key, owner: str) -> bool:
        return is_owned(self.documents[key].get("description"), owner)

    def shape(self, key: Key) -> Shape:
        """Return one object in the words in which it is compared."""
        document, kind = self.documents[key], key[0]
        description = document.get("description") or ""
        teams = tuple(sorted(map(self._name, document.get("teams") or ())))
        match kind:
            case Kind.TEAM:
                return Team(description=description)
            case Kind.SCHEDULE:
                return self._schedule(document, description, teams)
            case Kind.POLICY:
                return self._policy(document, description, teams)
            case Kind.SERVICE:
                return self._service(document, description, teams)

    def _name(self, reference: Document) -> str:
        id_: str = reference["id"]
        return self.names.get(id_, id_)

    def _schedule(self, document: Document, description: str, teams: tuple[str, ...]) -> Schedule:
        zone = ZoneInfo(document["time_zone"])
        layers = tuple(self._layer(each, zone) for each in lasting(document))
        return Schedule(description=description, time_zone=document["time_zone"], teams=teams, layers=layers)

    def _layer(self, layer: Document, zone: ZoneInfo) -> Layer:
        users = tuple(self._name(each["user"]) for each in layer["users"])
        turn_seconds = layer["rotation_turn_length_seconds"]
        begins = datetime.fromisoformat(layer["rotation_virtual_start"]).astimezone(zone).replace(tzinfo=None)
        return Layer(
            name=layer.get("name") or "",
            users=users,
            turn_seconds=turn_seconds,
            phase_seconds=phase_seconds(begins, turn_seconds * max(1, len(users))),
            hours=hours_of(layer.get("restrictions") or ()),
        )

    def _policy(self, document: Document, description: str, teams: tuple[str, ...]) -> Policy:
        levels = tuple(
            Level(
                tell=tuple(sorted(map(self._name, rule["targets"]))), after_minutes=rule["escalation_delay_in_minutes"]
            )
            for rule in document["escalation_rules"]
        )
        return Policy(description=description, levels=levels, repeat=document.get("num_loops") or 0, teams=teams)

    def _service(self, document: Document, description: str, teams: tuple[str, ...]) -> Service:
        rule = document.get("incident_urgency_rule") or {}
        return Service(
            description=description,
            policy=self._name(document["escalation_policy"]),
            urgency=URGENCIES.get(rule.get("urgency") or "", "by support hours"),
            acknowledgement_timeout_seconds=document.get("acknowledgement_timeout") or None,
            auto_resolve_timeout_seconds=document.get("auto_resolve_timeout") or None,
            teams=teams,
            integrations=tuple(sorted(each.get("summary") or "" for each in document.get("integrations") or ())),
        )


def read(api: Api, interesting: Iterable[Key], owner: str) -> Account:
    """Read an account; of schedules, only those that are interesting or owned have their layers."""
    lists = {kind: api.list(kind.many) for kind in Kind}
    documents = {(kind, each["name"]): each for kind, found in lists.items() for each in found}
    wanted = set(interesting)
    for key, brief in documents.items():
        if key[0] is Kind.SCHEDULE and (key in wanted or is_owned(brief.get("description"), owner)):
            documents[key] = api.read(f"/schedules/{brief['id']}", "schedule")
    users = {each["email"]: each["id"] for each in api.list("users")}
    names = {each["id"]: name for (_, name), each in documents.items()}
    return Account(documents=documents, names=names | {id_: mail for mail, id_ in users.items()}, users=users)


def lasting(schedule: Document) -> list[Document]:
    """Return the layers that have no end, the lowest first: PagerDuty keeps those that ended, and lists the highest first."""
    return [each for each in reversed(schedule.get("schedule_layers") or ()) if each.get("end") is None]


def open_incidents(api: Api) -> list[Document]:
    return api.list("incidents", **{"statuses[]": list(OPEN)})


def in_use(key: Key, account: Account, incidents: Iterable[Document]) -> int:
    """Count the open incidents that lean on an object: then it must stay."""
    kind, id_ = key[0], account.id_of(*key)
    if kind is Kind.SERVICE:
        return sum(each["service"]["id"] == id_ for each in incidents)
    if kind is Kind.POLICY:
        return sum(each["escalation_policy"]["id"] == id_ for each in incidents)
    leaning = {
        document["id"]
        for (other, _), document in account.documents.items()
        if other in {Kind.POLICY, Kind.SERVICE} and id_ in _named(document)
    }
    return sum(bool({each["service"]["id"], each["escalation_policy"]["id"]} & leaning) for each in incidents)


def staying(key: Key, leaning: int) -> str:
    """Say that an object stays because of incidents."""
    incidents = "an open incident leans" if leaning == 1 else f"{leaning} open incidents lean"
    return f"{key[0].words} {key[1]} stays: {incidents} on it"


def _named(document: Document) -> set[str]:
    teams = {each["id"] for each in document.get("teams") or ()}
    return teams | {target["id"] for rule in document.get("escalation_rules") or () for target in rule["targets"]}


def hours_of(restrictions: Iterable[dict[str, Any]]) -> tuple[Stretch, ...]:
    """Return the hours in which a layer with restrictions holds."""
    stretches: list[Stretch] = []
    for each in restrictions:
        hours, minutes, seconds = map(int, each["start_time_of_day"].split(":"))
        start, length = hours * 3600 + minutes * 60 + seconds, each["duration_seconds"]
        days = [each["start_day_of_week"] - 1] if each["type"] == "weekly_restriction" else range(7)
        stretches += [(day * DAY_SECONDS + start, length) for day in days]
    return normal(stretches) or ALWAYS
