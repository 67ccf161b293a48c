"""Incidents by the REST API: found by their key, and ended by people."""

import pytest

from tests.alerts.pagerduty.running import OTHER_KEY


@pytest.fixture
def ann(standin) -> None:
    standin.make("user", name="Ann", email="ann@x.example")


def found(standin, **params: str) -> list[dict]:
    return standin.rest("GET", "/incidents", **params).json()["incidents"]


def test_an_incident_is_found_by_the_key_of_its_alert(standin):
    standin.send()
    standin.send(dedup_key="other")
    [incident] = found(standin, incident_key="roll")
    assert (incident["title"], incident["status"], incident["urgency"]) == ("dice fail", "triggered", "high")
    [alert] = standin.rest("GET", f"/incidents/{incident['id']}/alerts", alert_key="roll").json()["alerts"]
    assert (alert["alert_key"], alert["status"], alert["severity"]) == ("roll", "triggered", "critical")
    assert standin.rest("GET", f"/incidents/{incident['id']}/alerts", alert_key="other").json()["alerts"] == []


def test_incidents_are_chosen_by_status_service_and_urgency(standin):
    standin.send(payload={"severity": "info"})
    standin.send(routing_key=OTHER_KEY)
    standin.send(routing_key=OTHER_KEY, event_action="resolve")
    low, resolved = found(standin)
    assert [each["status"] for each in (low, resolved)] == ["triggered", "resolved"]
    assert found(standin, **{"statuses[]": "resolved"}) == [resolved]
    assert found(standin, **{"urgencies[]": "low"}) == [low]
    assert found(standin, **{"service_ids[]": resolved["service"]["id"]}) == [resolved]


def test_a_person_acknowledges_and_resolves(standin, ann):
    standin.send()
    [incident] = found(standin)
    order = {"id": incident["id"], "type": "incident_reference", "status": "acknowledged"}
    [acknowledged] = standin.rest("PUT", "/incidents", {"incidents": [order]}).json()["incidents"]
    assert acknowledged["status"] == "acknowledged"
    assert acknowledged["acknowledgements"][0]["acknowledger"]["summary"] == "ann@x.example"
    answer = standin.rest("PUT", f"/incidents/{incident['id']}", {"incident": {**order, "status": "resolved"}})
    assert answer.json()["incident"]["status"] == "resolved"
    assert standin.state()["open_incidents"] == 0
    again = standin.rest("PUT", f"/incidents/{incident['id']}", {"incident": order})
    assert (again.status_code, again.json()["error"]["code"]) == (400, 1001)


def test_a_person_hands_it_to_the_next_level(standin, ann):
    standin.send()
    [incident] = found(standin)
    order = {"incident": {"id": incident["id"], "escalation_level": 2}}
    changed = standin.rest("PUT", f"/incidents/{incident['id']}", order).json()["incident"]
    assert [each["assignee"]["summary"] for each in changed["assignments"]] == ["The second on call"]
    order["incident"]["escalation_level"] = 3
    assert standin.rest("PUT", f"/incidents/{incident['id']}", order).json()["error"]["code"] == 1006


@pytest.mark.parametrize(
    ("body", "sender", "code"),
    [
        ({"incidents": [{"id": "QNONE", "status": "resolved"}]}, "ann@x.example", 5001),
        ({"incidents": {}}, "ann@x.example", 2001),
        ({"incidents": []}, "nobody@x.example", 1008),
    ],
    ids=["no such incident", "no list", "nobody's name"],
)
def test_an_order_that_makes_no_sense_is_refused(standin, ann, body, sender, code):
    assert standin.rest("PUT", "/incidents", body, sender=sender).json()["error"]["code"] == code


def test_unacknowledged_it_reaches_the_second_level_after_five_minutes_of_its_clock(standin):
    standin.send()
    standin.pace(forward_seconds=299)
    assert [each["level"] for each in standin.timeline(what="notified")] == [1]
    standin.pace(forward_seconds=1)
    assert [each["level"] for each in standin.timeline(what="notified")] == [1, 2]
    assert [entry["what"] for entry in standin.timeline()][-2:] == ["incident_escalated", "notified"]
