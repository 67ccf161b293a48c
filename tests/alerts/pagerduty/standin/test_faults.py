"""Faults on command: what the client sees, and whether the event had its effect."""

import httpx
import pytest

from tests.alerts.pagerduty.running import KEY, OTHER_KEY, event


@pytest.mark.parametrize("kind", ["429", "500", "502", "503", "504", "302"])
def test_a_status_is_answered_and_nothing_happens(standin, kind):
    standin.fail({"kind": kind, "times": 1})
    assert standin.send().status_code == int(kind)
    assert standin.whats() == []
    assert standin.send().status_code == 202
    assert [(call["status"], call.get("fault")) for call in standin.timeline(what="call")] == [
        (int(kind), kind),
        (202, None),
    ]


def test_a_client_that_follows_the_redirect_finds_a_page(standin):
    standin.fail({"kind": "302"})
    answer = httpx.post(f"{standin.url}/v2/enqueue", json={"routing_key": KEY}, follow_redirects=True)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")


@pytest.mark.parametrize(
    ("kind", "effect"), [("reset", False), ("taken_reset", True)], ids=["before it is taken", "after it is taken"]
)
def test_the_connection_is_reset(standin, kind, effect):
    standin.fail({"kind": kind})
    with pytest.raises(httpx.ReadError):
        standin.send()
    assert standin.state()["open_incidents"] == effect
    assert standin.timeline(what="call")[0]["status"] == 0


@pytest.mark.parametrize(
    ("fault", "effect"),
    [({"kind": "hang"}, False), ({"kind": "slow", "seconds": 60}, True), ({"kind": "drip", "seconds": 60}, True)],
    ids=["hang", "slow", "drip"],
)
def test_the_answer_does_not_come_in_time(standin, fault, effect):
    standin.fail(fault)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{standin.url}/v2/enqueue", json=event(), timeout=0.2)
    assert standin.state()["open_incidents"] == effect


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_patient_client_gets_the_usual_answer(standin, kind):
    standin.fail({"kind": kind, "seconds": 0.001})
    answer = standin.send()
    assert (answer.status_code, answer.json()["dedup_key"]) == (202, "roll")


@pytest.mark.parametrize(("kind", "status"), [("empty", 202), ("html", 202), ("taken_500", 500)])
def test_the_answer_says_nothing_of_the_event_that_was_taken(standin, kind, status):
    standin.fail({"kind": kind})
    answer = standin.send()
    assert answer.status_code == status
    assert "dedup_key" not in answer.text
    assert standin.state()["open_incidents"] == 1


def test_a_lost_event_is_answered_as_usual(standin):
    standin.fail({"kind": "lost"})
    assert standin.send().json()["status"] == "success"
    assert standin.state()["open_incidents"] == 0


def test_a_fault_may_skip_calls_and_mean_one_key_or_one_door(standin):
    standin.fail({"kind": "503", "skip": 1, "times": 1, "routing_key": KEY}, {"kind": "500", "on": "changes"})
    answers = [standin.send(routing_key=key).status_code for key in (KEY, OTHER_KEY, KEY, KEY)]
    assert answers == [202, 202, 503, 202]
    assert standin.http.post("/v2/change/enqueue", json={}).status_code == 500
    assert [fault["kind"] for fault in standin.http.get("/standin/faults").json()] == ["500"]


def test_a_spoiled_call_counts_against_no_limit(standin):
    standin.fail({"kind": "503", "times": 120})
    for _ in range(120):
        standin.send()
    assert standin.send().status_code == 202


def test_a_fault_nobody_knows_is_refused(standin):
    assert standin.http.put("/standin/faults", json=[{"kind": "418"}]).status_code == 400
