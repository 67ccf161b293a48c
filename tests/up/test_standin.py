"""The stand-in of the local stack is what the spec says of PagerDuty, and its keys lead there."""

import stat
from pathlib import Path

import pytest

from casino.standin import set_up
from gateway.spec.load import load
from tests.alerts.pagerduty.running import event, running

SPEC = """
casino: 1
teams: {games: {contact: x, pages: games}, shop: {contact: y, pages: till}}
pagerduty:
  keys: {games: {env: A}, till: {env: B}}
  schedules:
    games: {time_zone: Etc/UTC, layers: {all: {users: ann.day@x.example, DURING}}}
  policies:
    games: {levels: [{tell: games}, {tell: head@x.example}]}
  services:
    games: {policy: games, integrations: [alerts, other]}
"""


@pytest.fixture(scope="module")
def process():
    with running("--adopt") as standin:
        yield standin


@pytest.fixture
def standin(process):
    process.clear()
    return process


@pytest.fixture
def paged(tmp_path, standin):
    def make(text: str):
        (tmp_path / "casino.yaml").write_text(text)
        return set_up(load(tmp_path / "casino.yaml").spec, standin.url, tmp_path / "keys")

    return make


def key(spec, name: str) -> str:
    return Path(spec.pagerduty.keys[name].file).read_text().strip()


def told(standin) -> list[str]:
    return [entry["user"] for entry in standin.timeline(what="notified")]


def test_the_key_of_a_services_name_leads_to_it_and_to_whom_its_policy_tells(standin, paged):
    spec, refused = paged(SPEC.replace("DURING", ""))
    assert refused == ()
    standin.send(routing_key=key(spec, "games"))
    assert told(standin) == ["ann.day@x.example"]
    standin.pace(forward_seconds=301)
    assert told(standin) == ["ann.day@x.example", "head@x.example"]


def test_any_other_key_is_adopted(standin, paged):
    spec, _ = paged(SPEC.replace("DURING", ""))
    assert standin.send(routing_key=key(spec, "till")).status_code == 202
    assert told(standin) == ["first@on-call.example"]


def test_a_spec_without_keys_gets_those_its_teams_name_or_one(paged):
    none, _ = paged("casino: 1\n")
    assert [*none.pagerduty.keys] == ["casino"]


def test_a_set_up_that_is_refused_is_left_out_and_everything_is_adopted(standin, paged):
    spec, refused = paged(SPEC.replace("DURING", 'during: {to: "12:00"}'))
    assert "nobody is on call" in refused[0]
    standin.send(routing_key=key(spec, "games"))
    assert told(standin) == ["first@on-call.example"]


def test_keys_and_token_may_be_read_by_their_owner_alone(standin, paged, tmp_path):
    spec, _ = paged(SPEC.replace("DURING", ""))
    files = sorted((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == ["api-token", "games", "till"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert event()["routing_key"] not in {key(spec, "games"), key(spec, "till")}
