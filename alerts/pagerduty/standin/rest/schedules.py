"""What schedules have of their own: layers that end instead of vanishing, and overrides.

A layer that is sent without an id is a new one, and begins now at the earliest; one that is left out ends now. The
answer lists the highest layer first, though they are sent with the lowest first, as PagerDuty's does.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.account import Account
from alerts.pagerduty.standin.resource import Layer, Override, Schedule
from alerts.pagerduty.standin.rest.call import RestError, answered, not_found, nothing, wrapped
from alerts.pagerduty.standin.rest.integrity import Integrity
from alerts.pagerduty.standin.standin import Standin


class Schedules:
    """The handlers that schedules have besides those of every collection."""

    def __init__(self, standin: Standin, integrity: Integrity) -> None:
        self._standin = standin
        self._integrity = integrity

    @property
    def _account(self) -> Account:
        return self._standin.account

    def complete(self, new: Schedule, old: Schedule | None) -> Schedule:
        """Refuse users that are not there; let layers begin and end."""
        users = (turn.user for layer in new.schedule_layers for turn in layer.users)
        self._integrity.known("User", users, self._account.users)
        self._integrity.known("Team", new.teams, self._account.teams)
        now = datetime.fromtimestamp(self._standin.now(), UTC)
        before = {layer.id: layer for layer in old.schedule_layers} if old else {}
        layers = [self._layer(each, before, now) for each in new.schedule_layers]
        kept = {layer.id for layer in layers}
        ended = [replace(each, end=each.end or now) for each in before.values() if each.id not in kept]
        return replace(new, schedule_layers=[*ended, *layers])

    def _layer(self, layer: Layer, before: dict[str, Layer], now: datetime) -> Layer:
        if not layer.id:
            return replace(layer, id=self._account.new_id(), start=max(layer.start, now))
        if layer.id not in before:
            raise RestError(400, 3001, "Invalid Schedule", f"there is no layer {layer.id}")
        return replace(layer, start=before[layer.id].start)

    def shown(self, schedule: Schedule) -> dict[str, Any]:
        """Show the highest layer first, and who names it."""
        policies = [
            {"id": each.id, "type": "escalation_policy_reference", "summary": each.name}
            for each in self._account.policies.values()
            if any(schedule.id == target.id for rule in each.escalation_rules for target in rule.targets)
        ]
        body = msgspec.to_builtins(schedule)
        return {**body, "schedule_layers": body["schedule_layers"][::-1], "escalation_policies": policies}

    def overrides(self, request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        """List the overrides that meet a stretch of time."""
        self._there(id)
        since, until = (_moment(request, name) for name in ("since", "until"))
        found = self._account.overrides.get(id, {}).values()
        return answered({"overrides": [each for each in found if each.start < until and each.end > since]})

    def make_override(self, request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        """Put somebody in for a while."""
        self._there(id)
        try:
            made = msgspec.convert({**wrapped(request, "override"), "id": self._account.new_id()}, Override)
        except (msgspec.ValidationError, TypeError) as error:
            raise RestError(400, 4004, "Invalid Override", str(error)) from None
        self._integrity.known("User", [made.user], self._account.users)
        self._account.overrides.setdefault(id, {})[made.id] = made
        return answered({"override": made}, 201)

    def delete_override(self, _request: Request, id: str, override: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        self._there(id)
        if self._account.overrides.get(id, {}).pop(override, None) is None:
            raise not_found("Override", 4004)
        return nothing()

    def _there(self, id: str) -> None:  # noqa: A002 - the word of the API
        if id not in self._account.schedules:
            raise not_found("Schedule", 3004)


def _moment(request: Request, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(request.args[name][0])
    except (KeyError, ValueError):
        raise RestError(400, 2004, "Invalid time values in 'since' and/or 'until' parameters") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
