"""`casino pagerduty`, against the stand-in: made once, drift shown, people's work left alone, nothing deleted in use."""

import json

import pytest

from tests.alerts.pagerduty.running import KEY, TOKEN

pytestmark = pytest.mark.proves("5.7 apply twice changes nothing; drift is shown; no secret is told")


def test_the_second_time_nothing_changes(provisioner):
    made = provisioner.run("apply")
    assert [line for line in made.splitlines() if line.startswith("+")] == [
        "+ create team games",
        "+ create schedule games-primary",
        "+ create escalation policy games",
        "+ create service games",
        "+ create service tables",
    ]
    before = provisioner.writes()
    assert len(before) == 10, "two users, five objects, three integrations"
    assert provisioner.run("apply") == "PagerDuty is what the spec says.\n"
    assert provisioner.run("plan") == "PagerDuty is what the spec says.\n"
    assert provisioner.run("drift") == "PagerDuty is what the spec says.\n"
    assert provisioner.writes() == before


def test_what_is_made_is_what_the_spec_says(provisioner):
    provisioner.run("apply")
    service = provisioner.found("services", "games")
    assert service["incident_urgency_rule"] == {"type": "constant", "urgency": "severity_based"} | {
        "during_support_hours": None, "outside_support_hours": None
    }  # fmt: skip
    assert (service["auto_resolve_timeout"], service["acknowledgement_timeout"]) == (None, 1800)
    assert "[casino:casino]" in service["description"]
    policy = provisioner.found("escalation_policies", "games")
    assert [rule["escalation_delay_in_minutes"] for rule in policy["escalation_rules"]] == [5, 15]
    assert policy["num_loops"] == 2
    days, nights = provisioner.found("schedules", "games-primary")["schedule_layers"]
    assert (days["name"], nights["name"], nights["restrictions"]) == ("days", "nights", [])
    assert [each["start_day_of_week"] for each in days["restrictions"]] == [1, 2, 3, 4, 5]
    assert {each["duration_seconds"] for each in days["restrictions"]} == {12 * 3600}
    assert [each["summary"] for each in provisioner.found("services", "tables")["integrations"]] == ["casino", "probe"]


def test_a_plan_changes_nothing(provisioner):
    before = provisioner.writes()
    assert provisioner.run("plan").startswith("+ create team games")
    assert provisioner.writes() == before


def test_drift_is_shown_by_field_and_mended_by_apply(provisioner):
    provisioner.run("apply")
    service = provisioner.found("services", "games")
    provisioner.standin.rest("PUT", f"/services/{service['id']}", {"service": {"auto_resolve_timeout": 600}})
    policy = provisioner.found("escalation_policies", "games")
    provisioner.standin.rest("PUT", f"/escalation_policies/{policy['id']}", {"escalation_policy": {"num_loops": 0}})
    assert provisioner.run("drift", code=1).splitlines() == [
        "~ change escalation policy games",
        "    repeat: 0 -> 2",
        "~ change service games",
        "    auto resolve timeout seconds: 600 -> none",
    ]
    shown = json.loads(provisioner.run("drift", "--json", code=1))
    assert shown["changes"][1]["differences"] == [
        {"field": "auto_resolve_timeout_seconds", "found": 600, "wanted": None}
    ]
    provisioner.run("apply")
    provisioner.run("drift")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("turn: 7d", "turn: 14d", "layers"),
        ('to: "20:00"', 'to: "21:00"', "layers"),
        ("users: [ann@x.example, bob@x.example]", "users: [bob@x.example, ann@x.example]", "layers"),
        ("Europe/Berlin", "Europe/Paris", "time zone"),
        ("after: 15m", "after: 20m", "levels"),
        ("urgency: low", "urgency: high", "urgency"),
        ("acknowledged: 30m", "acknowledged: 0", "acknowledgement timeout seconds"),
        ("integrations: [casino, probe]", "integrations: [casino, probe, other]", "integrations"),
    ],
)
def test_each_change_of_the_spec_is_made_once(provisioner, old, new, field):
    provisioner.run("apply")
    provisioner.edit(old, new)
    assert f"    {field}: " in provisioner.run("apply")
    assert provisioner.run("apply") == "PagerDuty is what the spec says.\n"


def test_hours_and_turns_that_are_written_otherwise_but_the_same_are_no_drift(provisioner):
    provisioner.run("apply")
    provisioner.edit(
        'during: {days: [mon, tue, wed, thu, fri], from: "08:00", to: "20:00"}',
        "begins: 2025-12-22T09:00\n          "
        'during: [{days: [wed, thu, fri], from: "08:00", to: "20:00"}, {days: [mon, tue], from: "08:00", to: "20:00"},'
        ' {days: [tue], from: "10:00", to: "11:00"}]',
    )
    assert provisioner.run("plan") == "PagerDuty is what the spec says.\n"


def test_an_override_survives_a_change_of_its_schedule(provisioner):
    provisioner.run("apply")
    schedule = provisioner.found("schedules", "games-primary")
    path = f"/schedules/{schedule['id']}/overrides"
    ann = schedule["schedule_layers"][0]["users"][0]["user"]
    times = {"start": "2026-12-24T00:00:00Z", "end": "2026-12-27T00:00:00Z"}
    made = provisioner.standin.rest("POST", path, {"override": {**times, "user": {"id": ann["id"], "type": "user"}}})
    provisioner.run("drift")
    provisioner.edit("turn: 7d", "turn: 14d")
    provisioner.run("apply")
    window = {"since": "2026-12-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    assert provisioner.standin.rest("GET", path, **window).json()["overrides"] == [made.json()["override"]]
    assert not [call for call in provisioner.writes() if call.startswith(("PUT", "DELETE")) and "overrides" in call]


def test_a_layer_that_leaves_the_spec_ends_and_another_keeps_its_place(provisioner):
    provisioner.run("apply")
    before = {each["name"]: each["id"] for each in provisioner.found("schedules", "games-primary")["schedule_layers"]}
    provisioner.edit("nights: {users: [bob@x.example], turn: 1d}", "always: {users: [bob@x.example], turn: 2d}")
    provisioner.run("apply")
    layers = {each["name"]: each for each in provisioner.found("schedules", "games-primary")["schedule_layers"]}
    assert {name: each["end"] is not None for name, each in layers.items()} == {
        "days": False, "nights": True, "always": False
    }  # fmt: skip
    assert layers["days"]["id"] == before["days"]
    provisioner.run("drift")


def test_what_leaves_the_spec_stays_until_it_is_said_to_delete_it(provisioner):
    provisioner.run("apply")
    provisioner.edit("    tables: {policy: games, urgency: low, integrations: [casino, probe]}\n", "")
    assert "= service tables is not in the spec" in provisioner.run("apply", code=1)
    assert "- delete service tables" in provisioner.run("drift", code=1)
    assert "- delete service tables" in provisioner.run("apply", "--delete")
    assert provisioner.run("drift") == "PagerDuty is what the spec says.\n"


def test_nothing_is_deleted_that_an_open_incident_leans_on(provisioner, tmp_path):
    provisioner.run("apply", "--keys", str(tmp_path / "keys"))
    provisioner.standin.send(routing_key=(tmp_path / "keys" / "games.casino").read_text().strip())
    everything = provisioner.spec.read_text()
    provisioner.spec.write_text(everything.partition("  schedules:")[0])
    before = len(provisioner.writes())
    shown = provisioner.run("apply", "--delete", code=1)
    stays = [line for line in shown.splitlines() if line.startswith("=")]
    assert [line.partition(" stays")[0] for line in stays] == [
        "= service games", "= escalation policy games", "= schedule games-primary", "= team games"
    ]  # fmt: skip
    assert len(provisioner.writes()) == before + 1, "only the other service goes"
    provisioner.standin.send(
        routing_key=(tmp_path / "keys" / "games.casino").read_text().strip(), event_action="resolve"
    )
    provisioner.run("apply", "--delete")
    assert provisioner.standin.rest("GET", "/schedules").json()["schedules"] == []


def test_what_others_made_is_left_alone_and_taken_over_only_when_told(provisioner):
    provisioner.standin.make("team", name="games", description="the people of the games")
    provisioner.standin.make("team", name="others")
    before = len(provisioner.writes())
    assert "! team games: there is one that is not casino's; `--adopt`" in provisioner.run("apply", code=1)
    assert len(provisioner.writes()) == before
    assert "~ adopt team games" in provisioner.run("apply", "--adopt")
    provisioner.run("drift")
    assert provisioner.found("teams", "others")["description"] is None


def test_another_owners_objects_are_not_deleted(provisioner):
    provisioner.run("apply")
    (provisioner.folder / "casino.yaml").write_text("casino: 1\npagerduty: {api_token: {file: token}, owner: other}\n")
    assert provisioner.run("apply", "--delete") == "PagerDuty is what the spec says.\n"


def test_a_schedule_with_an_uncovered_minute_is_refused(provisioner):
    provisioner.edit(
        "nights: {users: [bob@x.example], turn: 1d}",
        'nights: {users: [bob@x.example], turn: 1d, during: {from: "20:01", to: "08:00"}}',
    )
    before = len(provisioner.writes())
    for action in ("plan", "apply"):
        shown = provisioner.run(action, code=1)
        assert "! schedule games-primary: nobody is on call mon 20:00 to mon 20:01, tue 20:00 to tue 20:01" in shown
    assert len(provisioner.writes()) == before


def test_a_person_who_is_not_at_pagerduty_is_refused(provisioner):
    provisioner.edit("[games-primary, ann@x.example]", "[games-primary, eve@x.example]")
    assert "! escalation policy games: PagerDuty has no user eve@x.example" in provisioner.run("plan", code=1)


def test_keys_go_into_files_of_their_owner_alone(provisioner, tmp_path):
    shown = provisioner.run("apply", "--keys", str(tmp_path / "keys"))
    files = sorted((tmp_path / "keys").iterdir())
    assert [each.name for each in files] == ["games.casino", "tables.casino", "tables.probe"]
    for each in files:
        assert each.stat().st_mode & 0o777 == 0o600
        assert each.read_text().strip() not in shown
    assert len({each.read_text() for each in files}) == 3
    assert provisioner.standin.send(routing_key=files[0].read_text().strip()).status_code == 202


def test_other_integrations_of_a_service_are_nobodys_business(provisioner):
    provisioner.run("apply")
    service = provisioner.found("services", "games")
    body = {"integration": {"type": "events_api_v2_inbound_integration", "name": "by hand", "integration_key": KEY}}
    provisioner.standin.rest("POST", f"/services/{service['id']}/integrations", body)
    assert provisioner.run("drift") == "PagerDuty is what the spec says.\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "503"}, "GET /teams: PagerDuty said 503"),
        ({"kind": "reset"}, "GET /teams: PagerDuty cannot be reached"),
        ({"kind": "302"}, "GET /teams: PagerDuty said 302"),
    ],
    ids=["503", "reset", "redirect"],
)
def test_what_pagerduty_would_not_do_is_told_without_the_token(provisioner, fault, said):
    provisioner.standin.fail({**fault, "on": "rest"})
    assert said in provisioner.run("plan", code=1)


def test_a_wrong_token_is_told_without_it(provisioner):
    (provisioner.folder / "token").write_text("not-a-token")
    assert "PagerDuty said 401, Authentication failed" in provisioner.run("plan", code=1)


def test_a_failure_in_the_middle_is_made_good_by_applying_again(provisioner):
    provisioner.standin.fail({"kind": "500", "on": "rest", "skip": 9, "times": 1})
    said = provisioner.run("apply", code=1)
    assert "+ create team games" in said
    assert "PagerDuty said 500" in said
    provisioner.run("apply")
    assert provisioner.run("drift") == "PagerDuty is what the spec says.\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{file: token}", "{file: nothing}", "cannot be read"),
        ("{file: token}", "{env: CASINO_NO_SUCH_TOKEN}", "CASINO_NO_SUCH_TOKEN is not set"),
        ("  api_token: {file: token}\n", "", "the spec names no `pagerduty.api_token`"),
        ("policy: games,", "policy: gems,", "did you mean `games`?"),
    ],
)
def test_what_cannot_be_used_ends_with_2(provisioner, old, new, said):
    provisioner.edit(old, new)
    assert said in provisioner.run("plan", code=2)


def test_json_holds_what_was_done(provisioner):
    done = json.loads(provisioner.run("apply", "--json"))
    assert [each["verb"] for each in done["done"]] == ["create"] * 5
    assert json.loads(provisioner.run("plan", "--json")) == {"changes": [], "refused": [], "kept": []}


def test_the_token_is_in_no_line_anywhere(provisioner, caplog):
    caplog.set_level(0)
    provisioner.run("apply")
    provisioner.standin.fail({"kind": "500", "on": "rest"})
    provisioner.run("plan", code=1)
    assert TOKEN not in caplog.text
    assert [each for each in caplog.records if each.name == "pdpyras"] == [], (
        "it has its own words, and our callers ours"
    )
