"""What services have of their own: integrations, which hold the keys that events are sent with."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.account import Account, refer
from alerts.pagerduty.standin.resource import Integration, Reference, Service
from alerts.pagerduty.standin.rest.call import RestError, answered, invalid, not_found, wrapped
from alerts.pagerduty.standin.rest.integrity import Integrity
from alerts.pagerduty.standin.standin import Standin

EVENTS = "events_api_v2_inbound_integration"


class Services:
    """The handlers that services have besides those of every collection."""

    def __init__(self, standin: Standin, integrity: Integrity) -> None:
        self._standin = standin
        self._integrity = integrity

    @property
    def _account(self) -> Account:
        return self._standin.account

    def complete(self, new: Service, old: Service | None) -> Service:
        """Refuse what names nothing, and an urgency by hours without hours."""
        if new.escalation_policy.id not in self._account.policies:
            raise RestError(400, 1014, "Escalation Policy Not Found")
        self._integrity.known("Team", new.teams, self._account.teams)
        if (new.incident_urgency_rule.type == "use_support_hours") != (new.support_hours is not None):
            raise invalid("support_hours belong to an incident_urgency_rule that uses them, and must be there")
        created_at = old.created_at if old else datetime.fromtimestamp(self._standin.now(), UTC)
        return replace(new, created_at=created_at, integrations=[])

    def shown(self, service: Service) -> dict[str, Any]:
        """Show its integrations as references."""
        return {
            **msgspec.to_builtins(service),
            "integrations": [
                {**msgspec.to_builtins(refer(each, f"{EVENTS}_reference")), "self": _path(service.id, each.id)}
                for each in self._of(service.id)
            ],
        }

    def make_integration(self, request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        """Add a way in; the answer holds its key."""
        service = self._there(id)
        try:
            made = msgspec.convert({**wrapped(request, "integration"), "id": self._account.new_id()}, Integration)
        except (msgspec.ValidationError, TypeError) as error:
            raise invalid(str(error)) from None
        if made.type != EVENTS:
            raise invalid(f"type must be {EVENTS}")
        if made.integration_key and self._account.service_of(made.integration_key):
            raise invalid("Integration key has already been taken")
        owner = Reference(id=service.id, type="service_reference", summary=service.name)
        made = self._account.integrate(
            replace(made, service=owner, created_at=datetime.fromtimestamp(self._standin.now(), UTC))
        )
        return answered({"integration": _shown(made)}, 201)

    def read_integration(self, _request: Request, id: str, integration: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        found = next((each for each in self._of(self._there(id).id) if each.id == integration), None)
        if found is None:
            raise not_found("Integration")
        return answered({"integration": _shown(found)})

    def _of(self, service_id: str) -> list[Integration]:
        return [each for each in self._account.integrations.values() if each.service and each.service.id == service_id]

    def _there(self, id: str) -> Service:  # noqa: A002 - the word of the API
        found = self._account.services.get(id)
        if found is None:
            raise not_found("Service", 5002)
        return found


def _shown(integration: Integration) -> dict[str, Any]:
    assert integration.service is not None
    path = _path(integration.service.id, integration.id)
    return {**msgspec.to_builtins(integration), "summary": integration.name, "self": path, "html_url": path}


def _path(service_id: str, integration_id: str) -> str:
    return f"/services/{service_id}/integrations/{integration_id}"
