"""The Events API of the stand-in: its limits, its errors, and what becomes of events."""

import json

import pytest

from tests.alerts.pagerduty.running import KEY, OTHER_KEY, event, running

REFUSED = [
    pytest.param({"routing_key": None}, "'routing_key' is missing or blank", id="no key"),
    pytest.param(
        {"routing_key": KEY[1:]}, "Length of 'routing_key' is incorrect (should be 32 characters)", id="short"
    ),
    pytest.param(
        {"routing_key": KEY[1:] + "-"}, "'routing_key' cannot contain non-alphanumeric characters.", id="a hyphen"
    ),
    pytest.param({"event_action": None}, "'event_action' is invalid", id="no action"),
    pytest.param({"event_action": ["trigger"]}, "'event_action' is invalid", id="action is a list"),
    pytest.param({"event_action": "Trigger"}, "'event_action' is invalid", id="action in upper case"),
    pytest.param({"dedup_key": "x" * 256}, "'dedup_key' is too long (maximum is 255 characters)", id="long dedup key"),
    pytest.param({"dedup_key": 7}, "'dedup_key' is not a string", id="dedup key is a number"),
    pytest.param(
        {"event_action": "resolve", "dedup_key": None}, "'dedup_key' is missing or blank", id="resolve without key"
    ),
    pytest.param(
        {"event_action": "acknowledge", "dedup_key": ""}, "'dedup_key' is missing or blank", id="acknowledge, blank key"
    ),
    pytest.param({"payload": {"summary": None}}, "'payload.summary' is missing or blank", id="no summary"),
    pytest.param({"payload": {"summary": "  "}}, "'payload.summary' is missing or blank", id="blank summary"),
    pytest.param(
        {"payload": {"summary": "s" * 1025}}, "'payload.summary' is too long (maximum is 1024", id="long summary"
    ),
    pytest.param({"payload": {"source": None}}, "'payload.source' is missing or blank", id="no source"),
    pytest.param({"payload": {"severity": None}}, "'payload.severity' is missing or blank", id="no severity"),
    pytest.param({"payload": {"severity": "Critical"}}, "'payload.severity' is invalid", id="severity in upper case"),
    pytest.param({"payload": {"severity": "page"}}, "'payload.severity' is invalid", id="severity of another tool"),
    pytest.param({"payload": {"severity": ["info"]}}, "'payload.severity' is invalid", id="severity is a list"),
    pytest.param({"payload": {"timestamp": "yesterday"}}, "'payload.timestamp' is not", id="timestamp in words"),
    pytest.param({"payload": {"timestamp": "2026-01-05"}}, "'payload.timestamp' is not", id="a date only"),
    pytest.param({"payload": {"custom_details": "text"}}, "'payload.custom_details' is not an object", id="details"),
    pytest.param({"payload": {"component": 1}}, "'payload.component' is not a string", id="component"),
    pytest.param({"client": 1}, "'client' is not a string", id="client"),
    pytest.param({"links": {"href": "x"}}, "'links' is not an array of objects", id="links are no list"),
    pytest.param({"links": [{"text": "runbook"}]}, "'links[0].href' is missing or blank", id="link without href"),
    pytest.param({"images": [{"src": "http://x"}]}, "'images[0].src' is not served over https", id="image over http"),
    pytest.param({"details": {}}, "'details' is not a field of an event", id="a field nobody knows"),
]


@pytest.mark.parametrize(("fields", "error"), REFUSED)
def test_what_pagerduty_would_refuse_is_refused_with_the_reason(standin, fields, error):
    answer = standin.send(**fields)
    assert answer.status_code == 400
    told = answer.json()
    assert (told["status"], told["message"]) == ("invalid event", "Event object is invalid")
    assert any(each.startswith(error) for each in told["errors"]), told["errors"]
    assert standin.whats() == []
    assert [(call["status"], call["errors"]) for call in standin.timeline(what="call")] == [(400, told["errors"])]


def test_every_mistake_of_an_event_is_told_at_once(standin):
    answer = standin.send(client=1, payload={"summary": None, "severity": "none", "source": None})
    assert len(answer.json()["errors"]) == 4


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"dedup_key": "x" * 255}, id="dedup key of 255"),
        pytest.param({"payload": {"summary": "é" * 1024}}, id="summary of 1024 characters that are 2048 bytes"),
        pytest.param({"payload": {"timestamp": "2015-07-17T08:42:58.315+0000"}}, id="the timestamp of the docs"),
        pytest.param({"payload": {"timestamp": "2026-01-05T09:00:00Z", "custom_details": {"a": [1]}}}, id="details"),
        pytest.param({"links": [{"href": "http://runbook"}], "images": [{"src": "https://x"}]}, id="links and images"),
        pytest.param({"client": "Casino", "client_url": "https://casino.example"}, id="client"),
    ],
)
def test_what_is_at_a_limit_is_taken(standin, fields):
    answer = standin.send(**fields)
    assert (answer.status_code, answer.json()["status"]) == (202, "success")
    assert "incident_triggered" in standin.whats()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff{}", b"null"])
def test_what_is_no_object_is_refused(standin, body):
    assert standin.http.post("/v2/enqueue", content=body).status_code == 400


@pytest.mark.parametrize(("extra_bytes", "status"), [(0, 202), (1, 400)])
def test_an_event_has_at_most_512_kb(standin, extra_bytes, status):
    whole = event(payload={"custom_details": {"text": ""}})
    room = 512_000 - len(json.dumps(whole).encode())
    whole["payload"]["custom_details"]["text"] = "x" * (room + extra_bytes)
    assert standin.http.post("/v2/enqueue", content=json.dumps(whole)).status_code == status


def test_a_trigger_without_a_key_gets_one_and_opens_an_alert_each_time(standin):
    first, second = (standin.send(dedup_key=None).json()["dedup_key"] for _ in range(2))
    assert first != second
    assert standin.state()["open_alerts"] == 2
    standin.send(event_action="resolve", dedup_key=first, payload=None)
    assert standin.state()["open_alerts"] == 1


def test_a_second_trigger_only_adds_to_the_open_alert_and_a_later_one_opens_a_new(standin):
    standin.send()
    standin.send()
    assert standin.whats().count("incident_triggered") == 1
    assert standin.whats()[-1] == "alert_repeated"
    standin.send(event_action="resolve")
    standin.send()
    assert standin.whats().count("incident_triggered") == 2
    assert standin.state()["open_incidents"] == 1


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_finds_no_open_alert_is_dropped_without_a_word(standin, action):
    assert standin.send(event_action=action).status_code == 202
    assert standin.whats() == ["event_dropped"]
    standin.send()
    assert standin.state()["open_incidents"] == 1, "a resolve that overtakes its trigger leaves the incident open"


def test_another_routing_key_does_not_reach_the_alert(standin):
    standin.send()
    standin.send(event_action="resolve", routing_key=OTHER_KEY)
    assert standin.whats()[-1] == "event_dropped"
    assert standin.state()["open_incidents"] == 1


def test_a_key_that_nobody_has_is_refused():
    with running() as strict:
        answer = strict.send()
        assert (answer.status_code, answer.json()["errors"]) == (400, ["Invalid routing key"])


def test_the_121st_call_of_a_key_within_a_minute_is_refused_and_others_are_not(standin):
    answers = [standin.send(dedup_key=str(number)).status_code for number in range(121)]
    assert answers == [202] * 120 + [429]
    assert standin.send(routing_key=OTHER_KEY).status_code == 202
    standin.pace(forward_seconds=60)
    assert standin.send().status_code == 202


def test_a_change_event_is_taken_and_tells_nobody(standin):
    change = {"routing_key": KEY, "payload": {"summary": "dice v2 takes 10 %", "source": "casino"}}
    assert standin.http.post("/v2/change/enqueue", json=change).status_code == 202
    assert [(entry["what"], entry["summary"]) for entry in standin.timeline()][1:] == [("change", "dice v2 takes 10 %")]
    for wrong in ({**change, "event_action": "trigger"}, {**change, "payload": {}}, {"routing_key": KEY}):
        assert standin.http.post("/v2/change/enqueue", json=wrong).status_code == 400


def test_the_timeline_holds_what_was_sent_in_order_and_can_be_read_on(standin):
    standin.send(links=[{"href": "http://runbook"}])
    first = standin.timeline()
    assert first[0]["body"]["links"] == [{"href": "http://runbook"}]
    assert [entry["number"] for entry in first] == list(range(1, len(first) + 1))
    standin.send(event_action="resolve")
    rest = standin.timeline(after=first[-1]["number"])
    assert [entry["what"] for entry in rest] == ["call", "alert_resolved", "incident_resolved"]
    assert standin.timeline(what="call,change", action="resolve") == [rest[0]]
    assert standin.http.get("/standin/timeline", params={"what": "nonsense"}).status_code == 400
