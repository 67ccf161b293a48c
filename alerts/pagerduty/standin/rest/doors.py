"""Which path of the REST API leads where."""

from typing import Any

from msgspec import to_builtins
from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.resource import Maintenance, Policy, Schedule, Service, Team, User
from alerts.pagerduty.standin.rest.call import Calls, Handler, answered
from alerts.pagerduty.standin.rest.collection import Collection, Kind
from alerts.pagerduty.standin.rest.incidents import Incidents
from alerts.pagerduty.standin.rest.integrity import Integrity
from alerts.pagerduty.standin.rest.schedules import Schedules
from alerts.pagerduty.standin.rest.services import Services
from alerts.pagerduty.standin.standin import Standin

ABILITIES = ("teams", "urgencies", "service_support_hours", "manage_schedules", "manage_api_keys")
"""What the plan of the account includes."""

Doors = dict[tuple[str, str], Handler]
"""Handlers by method and path."""


def doors(standin: Standin) -> Doors:
    """Return every handler."""
    integrity = Integrity(standin)
    schedules, services, incidents = Schedules(standin, integrity), Services(standin, integrity), Incidents(standin)
    found: Doors = {("GET", "/abilities"): abilities}
    for kind in _kinds(standin, integrity, schedules, services):
        collection, path = Collection(standin, kind), f"/{kind.many}"
        found |= {
            ("GET", path): collection.list,
            ("POST", path): collection.make,
            ("GET", f"{path}/<id:str>"): collection.read,
            ("PUT", f"{path}/<id:str>"): collection.change,
            ("DELETE", f"{path}/<id:str>"): collection.delete,
        }
    overrides, integrations = "/schedules/<id:str>/overrides", "/services/<id:str>/integrations"
    return found | {
        ("GET", overrides): schedules.overrides,
        ("POST", overrides): schedules.make_override,
        ("DELETE", f"{overrides}/<override:str>"): schedules.delete_override,
        ("POST", integrations): services.make_integration,
        ("GET", f"{integrations}/<integration:str>"): services.read_integration,
        ("GET", "/incidents"): incidents.list,
        ("PUT", "/incidents"): incidents.change_many,
        ("GET", "/incidents/<id:str>"): incidents.read,
        ("PUT", "/incidents/<id:str>"): incidents.change,
        ("GET", "/incidents/<id:str>/alerts"): incidents.alerts,
        ("GET", "/oncalls"): incidents.oncalls,
    }


def abilities(_request: Request) -> HTTPResponse:
    return answered({"abilities": ABILITIES})


def _kinds(standin: Standin, integrity: Integrity, schedules: Schedules, services: Services) -> list[Kind[Any]]:
    return [
        Kind(one="team", many="teams", shape=Team, held=lambda account: account.teams, missing=6001, leave=integrity.leave_team),
        Kind(
            one="user", many="users", shape=User, held=lambda account: account.users, missing=2013, from_needed=True,
            key="email", leave=integrity.leave_user,
        ),
        Kind(
            one="schedule", many="schedules", shape=Schedule, held=lambda account: account.schedules, missing=3004,
            complete=schedules.complete, leave=integrity.leave_schedule, shown=schedules.shown, alone=frozenset({"schedule_layers"}),
        ),
        Kind(
            one="escalation_policy", many="escalation_policies", shape=Policy, held=lambda account: account.policies, missing=5001,
            complete=integrity.policy, leave=integrity.leave_policy,
            shown=lambda policy: {**to_builtins(policy), "services": _services(standin, policy)},
        ),
        Kind(
            one="service", many="services", shape=Service, held=lambda account: account.services, missing=5002,
            complete=services.complete, leave=integrity.leave_service, shown=services.shown,
        ),
        Kind(
            one="maintenance_window", many="maintenance_windows", shape=Maintenance, held=lambda account: account.maintenance,
            missing=5001, from_needed=True, key="", complete=integrity.maintenance,
        ),
    ]  # fmt: skip


def _services(standin: Standin, policy: Policy) -> list[dict[str, str]]:
    return [
        {"id": each.id, "type": "service_reference", "summary": each.name}
        for each in standin.account.services.values()
        if each.escalation_policy.id == policy.id
    ]


def open_doors(standin: Standin, app: Any) -> None:
    """Add every path to an app."""
    calls = Calls(standin)
    for number, ((method, path), handler) in enumerate(doors(standin).items()):
        app.add_route(calls.door(handler), path, methods=[method], name=f"rest_{number}")
