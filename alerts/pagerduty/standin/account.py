"""One account: teams, users, schedules, policies, services and their integrations, and what follows from them.

It holds what it is given; who may write what, and in which words, is the business of `rest`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from alerts.pagerduty.standin.event import Severity
from alerts.pagerduty.standin.resource import (
    Integration,
    Maintenance,
    Override,
    Policy,
    Reference,
    Resource,
    Rule,
    Schedule,
    Service,
    SupportHours,
    Target,
    Team,
    Urgency,
    UrgencyRule,
    User,
)
from alerts.pagerduty.standin.rota import on_call

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ADOPTED_DELAY_MINUTES = 5


class Account:
    """Everything but alerts and incidents."""

    def __init__(self) -> None:
        self.teams: dict[str, Team] = {}
        self.users: dict[str, User] = {}
        self.schedules: dict[str, Schedule] = {}
        self.overrides: dict[str, dict[str, Override]] = {}
        """By schedule, then by id."""
        self.policies: dict[str, Policy] = {}
        self.services: dict[str, Service] = {}
        self.integrations: dict[str, Integration] = {}
        self.maintenance: dict[str, Maintenance] = {}
        self._keys: dict[str, str] = {}
        self._made = 0

    def new_id(self, first: str = "P", digits: int = 6) -> str:
        """Make an id as PagerDuty's look; the same ones in the same order in each account."""
        self._made += 1
        scattered, text = self._made * 0x9E3779B1 % 36**digits, ""
        for _ in range(digits):
            scattered, digit = divmod(scattered, 36)
            text += DIGITS[digit]
        return first + text

    def integrate(self, integration: Integration) -> Integration:
        """Add an integration; it gets a key of its own unless it has one."""
        key = integration.integration_key or hashlib.blake2s(integration.id.encode(), digest_size=16).hexdigest()
        added = replace(integration, integration_key=key)
        self.integrations[added.id] = added
        self._keys[key] = added.id
        return added

    def separate(self, integration_id: str) -> None:
        """Take an integration away; its key leads nowhere from then on."""
        self._keys.pop(self.integrations.pop(integration_id).integration_key, None)

    def service_of(self, routing_key: str) -> Service | None:
        integration = self.integrations.get(self._keys.get(routing_key, ""))
        return self.services.get(integration.service.id) if integration and integration.service else None

    def adopt(self, routing_key: str) -> None:
        """Make a service for a key that nobody has: two levels, five minutes apart, urgency by severity."""
        policy = next((each for each in self.policies.values() if each.name == "Adopted"), None) or self._first_policy()
        number = len(self.services) + 1
        service = Service(
            id=self.new_id(),
            type="service",
            name=f"Adopted {number}",
            escalation_policy=refer(policy, "escalation_policy_reference"),
            auto_resolve_timeout=None,
            acknowledgement_timeout=None,
            incident_urgency_rule=UrgencyRule(type="constant", urgency="severity_based"),
        )
        self.services[service.id] = service
        self.integrate(
            Integration(
                id=self.new_id(),
                type="events_api_v2_inbound_integration",
                name="Events API v2",
                integration_key=routing_key,
                service=refer(service, "service_reference"),
            )
        )

    def _first_policy(self) -> Policy:
        levels = []
        for name in ("first", "second"):
            user = User(id=self.new_id(), type="user", name=f"The {name} on call", email=f"{name}@on-call.example")
            self.users[user.id] = user
            target = Target(id=user.id, type="user_reference")
            levels.append(Rule(id=self.new_id(), escalation_delay_in_minutes=ADOPTED_DELAY_MINUTES, targets=[target]))
        policy = Policy(id=self.new_id(), type="escalation_policy", name="Adopted", escalation_rules=levels)
        self.policies[policy.id] = policy
        return policy

    def told(self, policy: Policy, level: int, now: float) -> tuple[str, ...]:
        """Return the ids of the users whom a level (from 1) tells at a moment, each once."""
        found = (self.on_call(target, now) for target in policy.escalation_rules[level - 1].targets)
        return tuple(dict.fromkeys(user for user in found if user in self.users))

    def on_call(self, target: Target, now: float) -> str | None:
        """Return the id of whom a target means at a moment."""
        if target.type.startswith("user"):
            return target.id
        schedule = self.schedules.get(target.id)
        return on_call(schedule, self.overrides.get(target.id, {}).values(), now) if schedule else None

    def is_maintained(self, service: Service, now: float) -> bool:
        moment = datetime.fromtimestamp(now, UTC)
        return any(
            window.start_time <= moment < window.end_time and service.id in ids(window.services)
            for window in self.maintenance.values()
        )


def ids(references: Iterable[Reference]) -> Iterator[str]:
    return (each.id for each in references)


def refer(resource: Resource, type_: str) -> Reference:
    return Reference(id=resource.id, type=type_, summary=getattr(resource, "name", None))


def urgency(service: Service, severity: Severity | None, now: float) -> Urgency:
    """Return how urgent an incident is, by its service's rule; without a severity an alert is critical."""
    rule = service.incident_urgency_rule
    stated = rule.urgency
    if rule.type == "use_support_hours" and rule.during_support_hours and rule.outside_support_hours:
        hours = service.support_hours
        part = rule.during_support_hours if hours and _at_work(hours, now) else rule.outside_support_hours
        stated = part.urgency
    if stated == "severity_based":
        return Urgency.LOW if severity in {Severity.WARNING, Severity.INFO} else Urgency.HIGH
    return Urgency(stated or Urgency.HIGH)


def _at_work(hours: SupportHours, now: float) -> bool:
    clocks = datetime.fromtimestamp(now, ZoneInfo(hours.time_zone))
    return clocks.isoweekday() in hours.days_of_week and hours.start_time <= f"{clocks:%H:%M:%S}" < hours.end_time
