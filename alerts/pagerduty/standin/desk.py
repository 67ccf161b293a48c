"""Turns events into alerts and incidents, and incidents into people told: a machine that is driven by the time it is given.

One alert is open for each (routing key, dedup key) at most. An incident holds one alert. Whatever falls due (an event
taken but not yet processed, an escalation, a timeout) happens in the order of its time, as soon as somebody looks.
"""

import heapq
import uuid
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from alerts.pagerduty.standin.account import Account, urgency
from alerts.pagerduty.standin.event import Action, Event
from alerts.pagerduty.standin.resource import Policy, Service, Urgency
from alerts.pagerduty.standin.timeline import Timeline, What

MOST_INCIDENTS = 50_000
"""The oldest that are resolved are forgotten beyond it."""


class Status(StrEnum):
    """Where an incident stands; an alert is never acknowledged."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Alert(Struct, kw_only=True):
    """What one key is in trouble about, from its first trigger to its end."""

    id: str
    event: Event
    """The trigger that opened it."""
    service_id: str
    incident_id: str
    opened_at: float
    status: Status = Status.TRIGGERED
    resolved_at: float | None = None
    triggers: int = 1


class Incident(Struct, kw_only=True):
    """What people are told about."""

    id: str
    number: int
    service_id: str
    service_name: str
    policy_id: str
    alert_id: str
    title: str
    urgency: Urgency
    opened_at: float
    changed_at: float
    status: Status = Status.TRIGGERED
    level: int = 0
    """From 1; 0: no level has anybody."""
    loops_left: int = 0
    assigned: tuple[str, ...] = ()
    """Users who have it."""
    acknowledged_by: tuple[str, ...] = ()
    escalates_at: float | None = None
    unacknowledged_at: float | None = None
    resolves_at: float | None = None
    resolved_at: float | None = None


class _Due(StrEnum):
    EVENT = "event"
    ESCALATE = "escalates_at"
    UNACKNOWLEDGE = "unacknowledged_at"
    RESOLVE = "resolves_at"


class Desk:
    """The alerts and incidents of one account."""

    def __init__(self, account: Account, timeline: Timeline, *, processing_seconds: float = 0.0) -> None:
        self.incidents: dict[str, Incident] = {}
        self.alerts: dict[str, Alert] = {}
        self._account = account
        self._timeline = timeline
        self._processing_seconds = processing_seconds
        self._open: dict[tuple[str, str], Alert] = {}
        self._due: list[tuple[float, int, _Due, str]] = []
        self._events: dict[str, Event] = {}
        self._order = 0
        self._number = 0

    def take(self, event: Event, now: float) -> None:
        """Take an event that was accepted and has a key; it has its effect once it is processed."""
        key = str(self._order + 1)
        self._events[key] = event
        self._plan(now + self._processing_seconds, _Due.EVENT, key)
        self.run(now)

    def run(self, now: float) -> None:
        """Let everything happen that is due."""
        while self._due and self._due[0][0] <= now:
            at, _, due, key = heapq.heappop(self._due)
            if due is _Due.EVENT:
                self._apply(self._events.pop(key), at)
            elif key in self.incidents and getattr(self.incidents[key], due.value) == at:
                self._fall_due(due, self.incidents[key], at)

    def open_incidents(self) -> Iterator[Incident]:
        return (self.incidents[alert.incident_id] for alert in self._open.values())

    @property
    def open_alerts(self) -> int:
        return len(self._open)

    @property
    def unprocessed(self) -> int:
        """Events that were accepted and have had no effect yet."""
        return len(self._events)

    def acknowledge(self, incident: Incident, by: str | None, now: float) -> None:
        """Somebody has it: nobody else is told, until the service's timeout."""
        timeout = self._account.services[incident.service_id].acknowledgement_timeout
        incident.status = Status.ACKNOWLEDGED
        incident.acknowledged_by = (by,) if by else ()
        incident.changed_at = now
        incident.escalates_at = None
        incident.unacknowledged_at = self._plan(now + timeout, _Due.UNACKNOWLEDGE, incident.id) if timeout else None
        self._note(now, What.INCIDENT_ACKNOWLEDGED, incident, user=by)

    def resolve(self, incident: Incident, now: float, *, by: str | None = None, reason: str) -> None:
        """End an incident and its alert."""
        alert = self.alerts[incident.alert_id]
        self._open.pop((alert.event.routing_key, alert.event.dedup_key), None)
        alert.status, alert.resolved_at = Status.RESOLVED, now
        incident.status, incident.resolved_at, incident.changed_at = Status.RESOLVED, now, now
        incident.escalates_at = incident.unacknowledged_at = incident.resolves_at = None
        self._note(now, What.ALERT_RESOLVED, incident, reason=reason)
        self._note(now, What.INCIDENT_RESOLVED, incident, user=by, reason=reason)
        self._forget()

    def escalate(self, incident: Incident, level: int, now: float) -> None:
        """Tell the people of a level, or of the next one that has any."""
        policy = self._account.policies[incident.policy_id]
        incident.status, incident.changed_at, incident.unacknowledged_at = Status.TRIGGERED, now, None
        for each in range(level, len(policy.escalation_rules) + 1):
            users = self._account.told(policy, each, now)
            if users:
                self._tell(incident, policy, each, users, now)
                return
            self._note(now, What.NOBODY_ON_CALL, incident, level=each)
        incident.level, incident.assigned = level, ()
        self._plan_escalation(incident, policy, len(policy.escalation_rules), now)

    def _tell(self, incident: Incident, policy: Policy, level: int, users: tuple[str, ...], now: float) -> None:
        if incident.level and level != incident.level:
            self._note(now, What.INCIDENT_ESCALATED, incident, level=level)
        incident.level, incident.assigned = level, users
        for user in users:
            self._note(
                now, What.NOTIFIED, incident, level=level, user=self._account.users[user].email,
                urgency=incident.urgency.value,
            )  # fmt: skip
        self._plan_escalation(incident, policy, level, now)

    def _plan_escalation(self, incident: Incident, policy: Policy, level: int, now: float) -> None:
        """Low urgency never escalates; the last level does only while loops are left."""
        last = level >= len(policy.escalation_rules)
        incident.escalates_at = None
        if incident.urgency is Urgency.HIGH and (not last or incident.loops_left):
            delay = policy.escalation_rules[level - 1].escalation_delay_in_minutes * 60
            incident.escalates_at = self._plan(now + delay, _Due.ESCALATE, incident.id)

    def _fall_due(self, due: _Due, incident: Incident, at: float) -> None:
        if due is _Due.RESOLVE:
            self.resolve(incident, at, reason="auto_resolve_timeout")
        elif due is _Due.UNACKNOWLEDGE:
            self._note(at, What.INCIDENT_UNACKNOWLEDGED, incident)
            self.escalate(incident, incident.level or 1, at)
        else:
            levels = len(self._account.policies[incident.policy_id].escalation_rules)
            if incident.level >= levels:
                incident.loops_left -= 1
            self.escalate(incident, incident.level % levels + 1, at)

    def _apply(self, event: Event, now: float) -> None:
        service = self._account.service_of(event.routing_key)
        alert = self._open.get((event.routing_key, event.dedup_key))
        reason = self._idle(event, service, alert, now)
        if reason is not None or service is None:
            self._write(now, What.EVENT_DROPPED, event, reason=reason)
        elif alert is None:
            self._trigger(event, service, now)
        elif event.action is Action.TRIGGER:
            alert.triggers += 1
            self._write(now, What.ALERT_REPEATED, event, incident=alert.incident_id)
        elif event.action is Action.RESOLVE:
            self.resolve(self.incidents[alert.incident_id], now, reason="event")
        elif self.incidents[alert.incident_id].status is Status.TRIGGERED:
            self.acknowledge(self.incidents[alert.incident_id], None, now)

    def _idle(self, event: Event, service: Service | None, alert: Alert | None, now: float) -> str | None:
        """Say why an event has no effect, if so."""
        if service is None:
            return "no_service"
        if alert is None and event.action is not Action.TRIGGER:
            return "no_open_alert"
        if alert is None and service.status == "disabled":
            return "service_disabled"
        if alert is None and self._account.is_maintained(service, now):
            return "maintenance"
        return None

    def _trigger(self, event: Event, service: Service, now: float) -> None:
        policy = self._account.policies[service.escalation_policy.id]
        self._number += 1
        alert_id, incident_id = self._account.new_id("Q", 13), self._account.new_id("Q", 13)
        alert = Alert(id=alert_id, event=event, service_id=service.id, incident_id=incident_id, opened_at=now)
        incident = Incident(
            id=incident_id, number=self._number, service_id=service.id, service_name=service.name, policy_id=policy.id,
            alert_id=alert_id, title=event.summary, urgency=urgency(service, event.severity, now), opened_at=now,
            changed_at=now, loops_left=policy.num_loops,
        )  # fmt: skip
        self.alerts[alert_id], self.incidents[incident_id] = alert, incident
        self._open[event.routing_key, event.dedup_key] = alert
        if service.auto_resolve_timeout:
            incident.resolves_at = self._plan(now + service.auto_resolve_timeout, _Due.RESOLVE, incident_id)
        self._write(now, What.ALERT_OPENED, event, incident=incident_id)
        self._note(now, What.INCIDENT_TRIGGERED, incident, urgency=incident.urgency.value)
        self.escalate(incident, 1, now)

    def _plan(self, at: float, due: _Due, key: str) -> float:
        self._order += 1
        heapq.heappush(self._due, (at, self._order, due, key))
        return at

    def _write(self, now: float, what: What, event: Event, **about: str | None) -> None:
        self._timeline.add(
            now, what, routing_key=event.routing_key, dedup_key=event.dedup_key, action=event.action.value,
            severity=event.severity.value if event.severity else None, summary=event.summary or None, **about,
        )  # fmt: skip

    def _note(self, now: float, what: What, incident: Incident, **about: str | int | None) -> None:
        event = self.alerts[incident.alert_id].event
        self._timeline.add(
            now, what, incident=incident.id, service=incident.service_name,
            summary=incident.title, routing_key=event.routing_key, dedup_key=event.dedup_key, **about,
        )  # fmt: skip

    def _forget(self) -> None:
        excess = len(self.incidents) - MOST_INCIDENTS
        if excess > 0:
            for old in [each for each in self.incidents.values() if each.status is Status.RESOLVED][:excess]:
                del self.incidents[old.id], self.alerts[old.alert_id]


def new_dedup_key() -> str:
    """Make up the key of a trigger that has none."""
    return uuid.uuid4().hex
