"""From a webhook to PagerDuty: what arrives, in which order, and what comes of PagerDuty's answers."""

import time

import pytest

from tests.alerts.pagerduty.bridges import alert
from tests.alerts.pagerduty.running import KEY, OTHER_KEY
from tests.waiting import until


def calls(standin, status=202):
    return [entry for entry in standin.timeline(what="call") if entry["status"] == status]


def test_an_alert_opens_an_incident_of_its_team_and_its_end_closes_it(bridge_of, standin):
    bridge = bridge_of().start()
    began = time.time()
    assert bridge.tell(alert(starts=began), alert("Cards", team="tables", severity="warning")).status_code == 200
    until(lambda: standin.state()["open_alerts"] == 2)
    assert {(each["routing_key"], each["severity"]) for each in calls(standin)} == {
        (KEY, "critical"),
        (OTHER_KEY, "warning"),
    }
    assert bridge.tell(alert(starts=began, ends=began + 1)).status_code == 200
    until(lambda: standin.state()["open_alerts"] == 1)
    until(lambda: bridge.series("bridge_sent_total") == 3)


def test_what_was_told_before_is_not_told_again(bridge_of, standin):
    bridge = bridge_of().start()
    began = time.time()
    for _ in range(3):
        bridge.tell(alert(starts=began))
    bridge.tell(alert(starts=began, ends=began + 1))
    bridge.tell(alert(starts=began, ends=began + 1))
    until(lambda: bridge.series("bridge_queue_events") == 0 and calls(standin)[1:])
    assert [each["action"] for each in calls(standin)] == ["trigger", "resolve"]


FAULTS = {
    "refused by a limit": [{"kind": "429", "times": 1}],
    "an error": [{"kind": "500", "times": 2}],
    "unavailable": [{"kind": "503", "times": 2}],
    "redirected": [{"kind": "302", "times": 2}],
    "reset": [{"kind": "reset", "times": 2}],
    "taken, then reset": [{"kind": "taken_reset", "times": 2}],
    "taken, then an error": [{"kind": "taken_500", "times": 2}],
    "accepted without a word": [{"kind": "empty"}],
    "accepted with a page": [{"kind": "html"}],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_an_incident_opens_and_closes_once_whatever_pagerduty_does(bridge_of, standin, faults):
    bridge = bridge_of().start()
    standin.fail(*faults)
    began = time.time()
    bridge.tell(alert(starts=began))
    bridge.tell(alert(starts=began, ends=began + 1))
    until(lambda: bridge.series("bridge_sent_total") == 2, seconds=60)
    told = [entry["what"] for entry in standin.timeline() if entry["what"].startswith("incident_")]
    assert told == ["incident_triggered", "incident_resolved"]
