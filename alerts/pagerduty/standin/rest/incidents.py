"""Incidents, their alerts, and who is on call, as the REST API shows them; and what people do to incidents."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.account import Account
from alerts.pagerduty.standin.desk import Alert, Desk, Incident, Status
from alerts.pagerduty.standin.resource import User
from alerts.pagerduty.standin.rest.call import RestError, answered, invalid, not_found, page, requester, wrapped
from alerts.pagerduty.standin.standin import Standin


class Incidents:
    """The handlers and what they share."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin

    @property
    def _account(self) -> Account:
        return self._standin.account

    @property
    def _desk(self) -> Desk:
        return self._standin.desk

    def list(self, request: Request) -> HTTPResponse:
        """List incidents, the oldest first; by statuses, services, urgencies, and the key of their alert."""
        found = [each for each in self._desk.incidents.values() if self._wanted(request, each)]
        return page(request, "incidents", [self._shown(each) for each in found])

    def read(self, _request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        return answered({"incident": self._shown(self._get(id))})

    def change(self, request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        """Acknowledge, resolve or escalate one."""
        by = requester(request, self._account)
        incident = self._get(id)
        self._do(incident, wrapped(request, "incident"), by)
        return answered({"incident": self._shown(incident)})

    def change_many(self, request: Request) -> HTTPResponse:
        """Acknowledge, resolve or escalate several; each is named by its id."""
        by = requester(request, self._account)
        orders = wrapped(request, "incidents")
        if not isinstance(orders, list) or not all(isinstance(each, dict) and "id" in each for each in orders):
            raise invalid("incidents is not an array of incidents with ids")
        chosen = [(self._get(each["id"]), each) for each in orders]
        for incident, order in chosen:
            self._do(incident, order, by)
        return answered({"incidents": [self._shown(incident) for incident, _ in chosen]})

    def alerts(self, request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        """List the alerts of an incident, by their key and statuses."""
        alert = self._desk.alerts[self._get(id).alert_id]
        key, statuses = request.args.get("alert_key"), request.args.getlist("statuses[]", [])
        wanted = key in {None, alert.event.dedup_key} and (not statuses or alert.status in statuses)
        return page(request, "alerts", [self._alert(alert)] if wanted else [])

    def oncalls(self, request: Request) -> HTTPResponse:
        """Tell who is told first, second and so on by each policy right now. When shifts change is not told."""
        chosen = {
            name: set(request.args.getlist(f"{name}_ids[]", [])) for name in ("escalation_policy", "schedule", "user")
        }
        found = [
            each
            for each in self._oncalls()
            if all(not ids or (each[name] or {}).get("id") in ids for name, ids in chosen.items())
        ]
        return page(request, "oncalls", found)

    def _oncalls(self) -> Iterator[dict[str, Any]]:
        now = self._standin.now()
        for policy in self._account.policies.values():
            for level, rule in enumerate(policy.escalation_rules, 1):
                for target in rule.targets:
                    user = self._account.users.get(self._account.on_call(target, now) or "")
                    schedule = self._account.schedules.get(target.id)
                    if user is not None:
                        yield {
                            "escalation_policy": _reference("escalation_policy", policy.id, policy.name),
                            "escalation_level": level,
                            "schedule": _reference("schedule", schedule.id, schedule.name) if schedule else None,
                            "user": _reference("user", user.id, user.name),
                            "start": None,
                            "end": None,
                        }

    def _do(self, incident: Incident, order: dict[str, Any], by: User) -> None:
        status, level, now = order.get("status"), order.get("escalation_level"), self._standin.now()
        if incident.status is Status.RESOLVED:
            raise RestError(400, 1001, "Incident Already Resolved")
        if status == Status.RESOLVED:
            self._desk.resolve(incident, now, by=by.email, reason="user")
        elif status == Status.ACKNOWLEDGED:
            self._desk.acknowledge(incident, by.email, now)
        elif status is not None:
            raise RestError(400, 1003, "Invalid Status Provided")
        elif isinstance(level, int) and 1 <= level <= self._levels(incident):
            self._desk.escalate(incident, level, now)
        else:
            raise RestError(400, 1006, "Cannot Escalate")

    def _levels(self, incident: Incident) -> int:
        return len(self._account.policies[incident.policy_id].escalation_rules)

    def _wanted(self, request: Request, incident: Incident) -> bool:
        alert = self._desk.alerts[incident.alert_id]
        choices = {
            "statuses[]": incident.status.value,
            "service_ids[]": incident.service_id,
            "urgencies[]": incident.urgency.value,
            "incident_key": alert.event.dedup_key,
        }
        return all(name not in request.args or value in request.args[name] for name, value in choices.items())

    def _get(self, id: str) -> Incident:  # noqa: A002 - the word of the API
        found = self._desk.incidents.get(id)
        if found is None:
            raise not_found("Incident", 5001)
        return found

    def _shown(self, incident: Incident) -> dict[str, Any]:
        alert = self._desk.alerts[incident.alert_id]
        users = [self._account.users[each] for each in incident.assigned if each in self._account.users]
        return {
            **_reference("incident", incident.id, f"[#{incident.number}] {incident.title}"),
            "type": "incident",
            "incident_number": incident.number,
            "title": incident.title,
            "status": incident.status,
            "urgency": incident.urgency,
            "incident_key": alert.event.dedup_key,
            "created_at": _stamp(incident.opened_at),
            "last_status_change_at": _stamp(incident.changed_at),
            "resolved_at": _stamp(incident.resolved_at) if incident.resolved_at else None,
            "service": _reference("service", incident.service_id, incident.service_name),
            "escalation_policy": _reference("escalation_policy", incident.policy_id, None),
            "assignments": [
                {"at": _stamp(incident.changed_at), "assignee": _reference("user", user.id, user.name)}
                for user in users
                if incident.status is not Status.RESOLVED
            ],
            "acknowledgements": [
                {"at": _stamp(incident.changed_at), "acknowledger": {"type": "user_reference", "summary": email}}
                for email in incident.acknowledged_by
                if incident.status is Status.ACKNOWLEDGED
            ],
            "alert_counts": {
                "all": 1,
                "triggered": int(incident.status is not Status.RESOLVED),
                "resolved": int(incident.status is Status.RESOLVED),
            },
        }

    def _alert(self, alert: Alert) -> dict[str, Any]:
        return {
            **_reference("alert", alert.id, alert.event.summary),
            "type": "alert",
            "status": alert.status,
            "alert_key": alert.event.dedup_key,
            "severity": alert.event.severity,
            "created_at": _stamp(alert.opened_at),
            "service": _reference("service", alert.service_id, None),
            "incident": _reference("incident", alert.incident_id, None),
            "body": {"type": "alert_body", "details": alert.event.body.get("payload", {})},
        }


def _reference(kind: str, id: str, summary: str | None) -> dict[str, Any]:  # noqa: A002 - the word of the API
    return {"id": id, "type": f"{kind}_reference", "summary": summary, "self": f"/{kind}s/{id}", "html_url": None}


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
