"""Who is told of an incident, and when: escalation, acknowledgement, timeouts and maintenance, by the time that is given."""

from datetime import UTC, datetime

import pytest

from alerts.pagerduty.standin.account import Account
from alerts.pagerduty.standin.desk import Desk, Status
from alerts.pagerduty.standin.event import Action, Event, Severity
from alerts.pagerduty.standin.resource import (
    Integration,
    Maintenance,
    Policy,
    Reference,
    Rule,
    Service,
    Target,
    UrgencyRule,
    User,
)
from alerts.pagerduty.standin.timeline import Timeline, What

KEY = "k" * 32
START = 1_780_000_000.0
MINUTE = 60.0


def account(*levels: list[str], loops: int = 0, **service: object) -> Account:
    """One service with a policy; each level tells users after five minutes. A user named `gone` does not exist."""
    made = Account()
    names = {name for level in levels for name in level}
    made.users = {name: User(id=name, name=name, email=f"{name}@x.example") for name in names - {"gone"}}
    rules = [
        Rule(escalation_delay_in_minutes=5, targets=[Target(id=name, type="user_reference") for name in level])
        for level in levels
    ]
    made.policies["P"] = Policy(id="P", name="policy", escalation_rules=rules, num_loops=loops)
    policy = Reference(id="P", type="escalation_policy_reference")
    settings = {"auto_resolve_timeout": None, "acknowledgement_timeout": None, **service}
    made.services["S"] = Service(id="S", name="dice", escalation_policy=policy, **settings)
    made.integrate(Integration(id="I", name="in", integration_key=KEY, service=Reference(id="S", type="service")))
    return made


class Desked:
    """A desk with its timeline, and events for it."""

    def __init__(self, made: Account, **settings: float) -> None:
        self.timeline = Timeline()
        self.account = made
        self.desk = Desk(made, self.timeline, **settings)

    def send(self, action: Action = Action.TRIGGER, at: float = START, severity: Severity = Severity.CRITICAL) -> None:
        event = Event(routing_key=KEY, action=action, dedup_key="roll", summary="dice fail", severity=severity)
        self.desk.take(event, at)

    def told(self, until: float) -> list[tuple[float, str]]:
        """Who was told, minutes after the start."""
        self.desk.run(until)
        return [
            ((each.at - START) / MINUTE, each.user.partition("@")[0])
            for each in self.timeline.after(what=What.NOTIFIED)
        ]

    @property
    def incident(self):
        return next(reversed(self.desk.incidents.values()))


def test_the_next_level_is_told_after_the_delay_of_the_one_before():
    desk = Desked(account(["ann"], ["bob", "cy"], ["dora"]))
    desk.send()
    assert desk.told(START + 5 * MINUTE - 1) == [(0, "ann")]
    assert desk.told(START + 5 * MINUTE) == [(0, "ann"), (5, "bob"), (5, "cy")]
    assert desk.told(START + 1000 * MINUTE)[3:] == [(10, "dora")]
    assert (desk.incident.level, desk.incident.assigned) == (3, ("dora",))


def test_a_policy_begins_again_as_often_as_it_says():
    desk = Desked(account(["ann"], ["bob"], loops=1))
    desk.send()
    assert desk.told(START + 1000 * MINUTE) == [(0, "ann"), (5, "bob"), (10, "ann"), (15, "bob")]


def test_a_level_with_nobody_is_passed_over_at_once():
    desk = Desked(account(["gone"], ["bob"]))
    desk.send()
    assert desk.told(START) == [(0, "bob")]
    assert [each.level for each in desk.timeline.after(what=What.NOBODY_ON_CALL)] == [1]


def test_an_incident_of_nobody_stays_open():
    desk = Desked(account(["gone"]))
    desk.send()
    assert desk.told(START + 1000 * MINUTE) == []
    assert (desk.incident.status, desk.incident.assigned) == (Status.TRIGGERED, ())


def test_low_urgency_never_escalates():
    rule = UrgencyRule(type="constant", urgency="severity_based")
    desk = Desked(account(["ann"], ["bob"], incident_urgency_rule=rule))
    desk.send(severity=Severity.WARNING)
    assert desk.told(START + 1000 * MINUTE) == [(0, "ann")]
    assert desk.incident.urgency == "low"


def test_whoever_acknowledges_keeps_it_from_the_next_level():
    desk = Desked(account(["ann"], ["bob"]))
    desk.send()
    desk.send(Action.ACKNOWLEDGE, START + MINUTE)
    assert desk.told(START + 1000 * MINUTE) == [(0, "ann")]
    assert desk.incident.status is Status.ACKNOWLEDGED


def test_an_acknowledgement_ends_and_the_same_level_is_told_again_then_the_next():
    desk = Desked(account(["ann"], ["bob"], acknowledgement_timeout=1800))
    desk.send()
    desk.send(Action.ACKNOWLEDGE, START + MINUTE)
    assert desk.told(START + 36 * MINUTE) == [(0, "ann"), (31, "ann"), (36, "bob")]
    assert desk.incident.status is Status.TRIGGERED


def test_a_trigger_tells_nobody_of_an_acknowledged_incident():
    desk = Desked(account(["ann"]))
    desk.send()
    desk.send(Action.ACKNOWLEDGE)
    desk.send()
    assert desk.told(START) == [(0, "ann")]


def test_an_incident_left_open_resolves_itself_when_its_service_says_so():
    desk = Desked(account(["ann"], auto_resolve_timeout=14_400))
    desk.send()
    desk.desk.run(START + 14_399)
    assert desk.desk.open_alerts == 1
    desk.desk.run(START + 14_400)
    assert (desk.desk.open_alerts, desk.incident.status) == (0, Status.RESOLVED)


def test_nothing_happens_to_a_resolved_incident():
    desk = Desked(account(["ann"], ["bob"], auto_resolve_timeout=600, acknowledgement_timeout=60))
    desk.send()
    desk.send(Action.ACKNOWLEDGE)
    desk.send(Action.RESOLVE, START + 1)
    before = desk.timeline.last
    assert desk.told(START + 1000 * MINUTE) == [(0, "ann")]
    assert desk.timeline.last == before


def test_an_accepted_event_has_its_effect_once_it_is_processed():
    desk = Desked(account(["ann"]), processing_seconds=2.0)
    desk.send()
    desk.send(Action.RESOLVE, START + 1)
    assert (desk.desk.open_alerts, desk.desk.unprocessed) == (0, 2)
    desk.desk.run(START + 2)
    assert (desk.desk.open_alerts, desk.desk.unprocessed) == (1, 1)
    desk.desk.run(START + 3)
    assert desk.desk.open_alerts == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda made: made.separate("I"), "no_service"),
        (lambda made: made.services.update(S=_disabled(made)), "service_disabled"),
        (lambda made: made.maintenance.update(M=_window(made)), "maintenance"),
    ],
    ids=["integration gone", "disabled", "maintained"],
)
def test_a_service_that_takes_no_trouble_drops_it(change, reason):
    made = account(["ann"])
    change(made)
    desk = Desked(made)
    desk.send()
    assert [each.reason for each in desk.timeline.after(what=What.EVENT_DROPPED)] == [reason]


def test_maintenance_ends():
    made = account(["ann"])
    made.maintenance["M"] = _window(made)
    desk = Desked(made)
    desk.send(at=START + 3600)
    assert desk.desk.open_alerts == 1


def _disabled(made: Account) -> Service:
    policy = Reference(id="P", type="escalation_policy_reference")
    return Service(id="S", name="dice", escalation_policy=policy, status="disabled")


def _window(made: Account) -> Maintenance:
    start, end = (datetime.fromtimestamp(START + seconds, UTC) for seconds in (0, 3600))
    return Maintenance(id="M", start_time=start, end_time=end, services=[Reference(id="S", type="service")])
