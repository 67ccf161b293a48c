"""How urgent an incident is: by severity, always the same, or by the hours in which people work."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from alerts.pagerduty.standin.account import urgency
from alerts.pagerduty.standin.event import Severity
from alerts.pagerduty.standin.resource import HoursUrgency, Reference, Service, SupportHours, UrgencyRule

NOON = 1_780_000_000.0


def service(rule: UrgencyRule, hours: SupportHours | None = None) -> Service:
    policy = Reference(id="P", type="escalation_policy_reference")
    return Service(name="dice", escalation_policy=policy, incident_urgency_rule=rule, support_hours=hours)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "high"), ("error", "high"), ("warning", "low"), ("info", "low"), (None, "high")],
)
def test_severity_decides_where_the_rule_says_so(severity, expected):
    rule = UrgencyRule(type="constant", urgency="severity_based")
    assert urgency(service(rule), Severity(severity) if severity else None, NOON) == expected


@pytest.mark.parametrize("fixed", ["high", "low"])
@pytest.mark.parametrize("severity", Severity)
def test_a_constant_rule_asks_nobody(fixed, severity):
    assert urgency(service(UrgencyRule(type="constant", urgency=fixed)), severity, NOON) == fixed


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-05T08:59:59", "low"),
        ("2026-01-05T09:00:00", "high"),
        ("2026-01-05T16:59:59", "high"),
        ("2026-01-05T17:00:00", "low"),
        ("2026-01-10T12:00:00", "low"),
    ],
)
def test_hours_decide_by_the_clocks_where_people_work(moment, expected):
    hours = SupportHours(
        type="fixed_time_per_day", time_zone="Asia/Tokyo", days_of_week=[1, 2, 3, 4, 5],
        start_time="09:00:00", end_time="17:00:00",
    )  # fmt: skip
    rule = UrgencyRule(
        type="use_support_hours", during_support_hours=HoursUrgency(urgency="high"),
        outside_support_hours=HoursUrgency(urgency="severity_based"),
    )  # fmt: skip
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
    assert urgency(service(rule, hours), Severity.WARNING, at) == expected
