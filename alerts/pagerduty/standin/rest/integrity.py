"""Keeps an account whole: nothing names what is not there, and nothing goes that something else needs."""

from collections.abc import Container, Iterable

from msgspec.structs import replace

from alerts.pagerduty.standin.account import Account, ids
from alerts.pagerduty.standin.desk import Desk
from alerts.pagerduty.standin.resource import (
    Maintenance,
    Policy,
    Reference,
    Rule,
    Schedule,
    Service,
    Target,
    Team,
    User,
)
from alerts.pagerduty.standin.rest.call import RestError, invalid
from alerts.pagerduty.standin.standin import Standin


class Integrity:
    """The checks of one account."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin

    @property
    def _account(self) -> Account:
        return self._standin.account

    @property
    def _desk(self) -> Desk:
        return self._standin.desk

    def known(self, what: str, named: Iterable[Reference | Target], there: Container[str]) -> None:
        """Refuse what names something that is not there."""
        lost = [each.id for each in named if each.id not in there]
        if lost:
            raise invalid(*(f"{what} {each} not found" for each in lost))

    def policy(self, new: Policy, _old: Policy | None) -> Policy:
        """Give levels their ids; refuse a target that is not there."""
        self.known("Team", new.teams, self._account.teams)
        for rule in new.escalation_rules:
            self.known("User", (t for t in rule.targets if t.type.startswith("user")), self._account.users)
            self.known("Schedule", (t for t in rule.targets if t.type.startswith("sched")), self._account.schedules)
        rules = [self._rule(each) for each in new.escalation_rules]
        return replace(new, escalation_rules=rules, services=[])

    def _rule(self, rule: Rule) -> Rule:
        kinds = {"user": "user_reference", "schedule": "schedule_reference"}
        targets = [replace(each, type=kinds.get(each.type, each.type)) for each in rule.targets]
        return replace(rule, id=rule.id or self._account.new_id(), targets=targets)

    def maintenance(self, new: Maintenance, _old: Maintenance | None) -> Maintenance:
        """Refuse services that are not there."""
        self.known("Service", new.services, self._account.services)
        return new

    def leave_user(self, gone: User) -> None:
        policies, schedules = self._account.policies.values(), self._account.schedules.values()
        tells = any(
            gone.id == target.id for each in policies for rule in each.escalation_rules for target in rule.targets
        )
        takes_turns = any(
            gone.id == turn.user.id for each in schedules for layer in each.schedule_layers for turn in layer.users
        )
        if tells or takes_turns:
            raise invalid("User is on a schedule or an escalation policy")

    def leave_team(self, gone: Team) -> None:
        owned: list[Schedule | Policy | Service] = [
            *self._account.schedules.values(), *self._account.policies.values(), *self._account.services.values()
        ]  # fmt: skip
        if any(gone.id in ids(each.teams) for each in owned):
            raise RestError(400, 6006, "Team has existing associations")

    def leave_schedule(self, gone: Schedule) -> None:
        """Refuse while a policy names it, or an open incident was told by a policy that does."""
        users = [
            each.name
            for each in self._account.policies.values()
            if any(gone.id == target.id for rule in each.escalation_rules for target in rule.targets)
        ]
        if users:
            raise RestError(
                400, 3001, "Invalid Schedule", f"Schedule can't be deleted if it's being used by {', '.join(users)}"
            )
        self._account.overrides.pop(gone.id, None)

    def leave_policy(self, gone: Policy) -> None:
        if any(each.escalation_policy.id == gone.id for each in self._account.services.values()):
            raise invalid("Escalation policy is used by a service")
        if any(each.policy_id == gone.id for each in self._desk.open_incidents()):
            raise invalid("Escalation policy has open incidents")

    def leave_service(self, gone: Service) -> None:
        """Take its integrations along, and its incidents: nobody hears of them again."""
        for each in [one for one in self._account.integrations.values() if one.service and one.service.id == gone.id]:
            self._account.separate(each.id)
        for incident in [one for one in self._desk.open_incidents() if one.service_id == gone.id]:
            self._desk.resolve(incident, self._standin.now(), reason="service_deleted")
