"""Objects of an account: made, changed, and kept whole."""

import pytest

from tests.alerts.pagerduty.running import KEY

MONDAY = "2026-01-05T09:00:00+01:00"
DAY = 86_400


def reference(thing: dict) -> dict:
    return {"id": thing["id"], "type": f"{thing['type']}_reference"}


def layer(user: dict, **fields: object) -> dict:
    turn = {"start": MONDAY, "rotation_virtual_start": MONDAY, "rotation_turn_length_seconds": 7 * DAY}
    return {**turn, "users": [{"user": reference(user)}], **fields}


class World:
    """A user, her schedule, a policy that tells it, and a service."""

    def __init__(self, standin) -> None:
        self.ann = standin.make("user", name="Ann", email="ann@x.example")
        self.schedule = standin.make(
            "schedule", name="games-primary", time_zone="Europe/Berlin", schedule_layers=[layer(self.ann, name="base")]
        )
        rule = {"escalation_delay_in_minutes": 5, "targets": [reference(self.schedule)]}
        self.policy = standin.make("escalation_policy", name="games", escalation_rules=[rule])
        self.service = standin.make("service", name="games", escalation_policy=reference(self.policy))


@pytest.fixture
def world(standin) -> World:
    return World(standin)


def test_a_service_closes_its_incidents_by_itself_unless_told_otherwise(standin, world):
    assert (world.service["auto_resolve_timeout"], world.service["acknowledgement_timeout"]) == (14_400, 1_800)
    changed = standin.rest("PUT", f"/services/{world.service['id']}", {"service": {"auto_resolve_timeout": None}})
    assert changed.json()["service"]["auto_resolve_timeout"] is None
    assert changed.json()["service"]["acknowledgement_timeout"] == 1_800, "what is not said stays"


def test_an_integration_has_a_key_that_leads_to_the_schedule(standin, world):
    path = f"/services/{world.service['id']}/integrations"
    made = standin.rest(
        "POST", path, {"integration": {"type": "events_api_v2_inbound_integration", "name": "casino"}}
    ).json()["integration"]
    assert len(made["integration_key"]) == 32
    assert standin.rest("GET", f"{path}/{made['id']}").json()["integration"] == made
    [listed] = standin.rest("GET", f"/services/{world.service['id']}").json()["service"]["integrations"]
    assert (listed["id"], "integration_key" in listed) == (made["id"], False)
    assert standin.send(routing_key=made["integration_key"]).status_code == 202
    assert [each["user"] for each in standin.timeline(what="notified")] == ["ann@x.example"]


def test_who_is_on_call_is_told(standin, world):
    [oncall] = standin.rest("GET", "/oncalls", **{"schedule_ids[]": world.schedule["id"]}).json()["oncalls"]
    assert (oncall["user"]["id"], oncall["escalation_level"]) == (world.ann["id"], 1)
    assert standin.rest("GET", "/oncalls", **{"user_ids[]": "PNONE"}).json()["oncalls"] == []


def test_an_override_changes_who_is_on_call_until_it_is_deleted(standin, world):
    bob = standin.make("user", name="Bob", email="bob@x.example")
    path = f"/schedules/{world.schedule['id']}/overrides"
    times = {"start": "2020-01-01T00:00:00Z", "end": "2040-01-01T00:00:00Z"}
    made = standin.rest("POST", path, {"override": {**times, "user": reference(bob)}})
    assert made.status_code == 201
    window = {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    assert [each["user"]["id"] for each in standin.rest("GET", path, **window).json()["overrides"]] == [bob["id"]]
    assert standin.rest("GET", path).json()["error"]["code"] == 2004
    assert standin.rest("GET", "/oncalls").json()["oncalls"][0]["user"]["id"] == bob["id"]
    assert standin.rest("DELETE", f"{path}/{made.json()['override']['id']}").status_code == 204
    assert standin.rest("GET", "/oncalls").json()["oncalls"][0]["user"]["id"] == world.ann["id"]


def test_a_layer_that_is_left_out_ends_and_the_highest_is_listed_first(standin, world):
    [base] = world.schedule["schedule_layers"]
    path = f"/schedules/{world.schedule['id']}"
    both = {**world.schedule, "schedule_layers": [base, layer(world.ann, name="nights")]}
    both.pop("escalation_policies")
    layers = standin.rest("PUT", path, {"schedule": both}).json()["schedule"]["schedule_layers"]
    assert [each["name"] for each in layers] == ["nights", "base"]
    only = {**both, "schedule_layers": [layers[0]]}
    layers = standin.rest("PUT", path, {"schedule": only}).json()["schedule"]["schedule_layers"]
    assert [(each["name"], each["end"] is not None) for each in layers] == [("nights", False), ("base", True)]


def test_a_layer_begins_now_at_the_earliest(standin, world):
    [base] = world.schedule["schedule_layers"]
    assert base["start"] > MONDAY
    assert base["rotation_virtual_start"] == MONDAY


def test_nothing_goes_that_is_needed(standin, world):
    refused = [
        f"/users/{world.ann['id']}", f"/schedules/{world.schedule['id']}", f"/escalation_policies/{world.policy['id']}"
    ]  # fmt: skip
    assert {standin.rest("DELETE", path).status_code for path in refused} == {400}
    in_order = [f"/services/{world.service['id']}", *reversed(refused)]
    assert {standin.rest("DELETE", path).status_code for path in in_order} == {204}


def test_a_policy_with_an_open_incident_stays(standin, world):
    path = f"/services/{world.service['id']}/integrations"
    body = {"integration": {"type": "events_api_v2_inbound_integration", "name": "casino", "integration_key": KEY}}
    standin.rest("POST", path, body)
    standin.send()
    other = standin.make("escalation_policy", name="other", escalation_rules=world.policy["escalation_rules"])
    standin.rest("PUT", f"/services/{world.service['id']}", {"service": {"escalation_policy": reference(other)}})
    assert standin.rest("DELETE", f"/escalation_policies/{world.policy['id']}").status_code == 400
    standin.send(event_action="resolve")
    assert standin.rest("DELETE", f"/escalation_policies/{world.policy['id']}").status_code == 204


@pytest.mark.parametrize(
    ("one", "fields"),
    [
        ("user", {"name": "Ann", "email": "ann@x.example"}),
        ("team", {"name": "games"}),
    ],
)
def test_a_name_is_given_once(standin, world, one, fields):
    if one == "team":
        standin.make(one, **fields)
    answer = standin.rest("POST", f"/{one}s", {one: {"type": one, **fields}})
    assert (answer.status_code, "taken" in answer.json()["error"]["errors"][0]) == (400, True)


WRONG = [
    pytest.param("services", {"name": "b", "escalation_policy": {"id": "PNONE", "type": "x"}}, 1014, id="no policy"),
    pytest.param(
        "services",
        {"name": "b", "incident_urgency_rule": {"type": "use_support_hours", "urgency": "high"}},
        2001,
        id="urgency by hours without hours",
    ),
    pytest.param("escalation_policies", {"name": "b", "escalation_rules": []}, 2001, id="no levels"),
    pytest.param(
        "escalation_policies",
        {
            "name": "b",
            "escalation_rules": [{"escalation_delay_in_minutes": 0, "targets": [{"id": "P", "type": "user"}]}],
        },
        2001,
        id="no delay",
    ),
    pytest.param("schedules", {"name": "b", "time_zone": "Mars/Phobos", "schedule_layers": []}, 2001, id="no layers"),
    pytest.param("maintenance_windows", {"start_time": MONDAY, "end_time": MONDAY, "services": []}, 2001, id="no time"),
]


@pytest.mark.parametrize(("path", "fields", "code"), WRONG)
def test_what_makes_no_sense_is_refused(standin, world, path, fields, code):
    one = "escalation_policy" if path == "escalation_policies" else path[:-1]
    policy = {"escalation_policy": reference(world.policy)} if path == "services" else {}
    answer = standin.rest("POST", f"/{path}", {one: {"type": one, **policy, **fields}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_maintenance_window_keeps_a_service_quiet(standin, world):
    times = {"start_time": "2020-01-01T00:00:00Z", "end_time": "2040-01-01T00:00:00Z"}
    standin.make("maintenance_window", **times, services=[reference(world.service)])
    path = f"/services/{world.service['id']}/integrations"
    body = {"integration": {"type": "events_api_v2_inbound_integration", "name": "casino", "integration_key": KEY}}
    standin.rest("POST", path, body)
    standin.send()
    assert [each["reason"] for each in standin.timeline(what="event_dropped")] == ["maintenance"]


def test_what_is_done_in_a_name_needs_a_user_who_has_it(standin, world):
    body = {"user": {"type": "user", "name": "Bob", "email": "bob@x.example"}}
    assert standin.rest("POST", "/users", body, sender="nobody@x.example").json()["error"]["code"] == 1008
