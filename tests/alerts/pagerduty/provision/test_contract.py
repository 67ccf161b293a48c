"""What the provisioner relies on, asked of the stand-in, and of PagerDuty itself where an account is given.

PAGERDUTY_TEST_TOKEN (a REST token of an account that is made for tests) and, unless it is PagerDuty's own, PAGERDUTY_TEST_URL;
PAGERDUTY_TEST_USER is the mail address of somebody in it. Everything that is made there is deleted again.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from msgspec import Struct

from alerts.pagerduty.provision.api import URL, Api, ApiError, PdpyrasApi
from alerts.pagerduty.provision.bodies import body, integration
from alerts.pagerduty.provision.found import Account, read
from alerts.pagerduty.provision.shape import Kind, Layer, Level, Policy, Schedule, Service, Shape, Shapes, Team, marker
from tests.alerts.pagerduty.running import TOKEN

REAL_TOKEN = os.environ.get("PAGERDUTY_TEST_TOKEN")
NIGHTS = tuple((day * 86_400 + 20 * 3600, 12 * 3600) for day in range(7))


class Place(Struct):
    """An account in which a test may make things, with one person in it."""

    api: Api
    mail: str
    owner: str
    """Also the end of each name: others may test there at the same time."""

    def name(self, word: str) -> str:
        return f"{word}-{self.owner}"

    def shapes(self) -> Shapes:
        about, team = marker(self.owner), (self.name("team"),)
        turns = {"users": (self.mail,), "turn_seconds": 604_800, "phase_seconds": 32_400}
        layers = tuple(
            Layer(name=name, hours=hours, **turns) for name, hours in (("a", ((0, 604_800),)), ("b", NIGHTS))
        )
        levels = (Level(tell=(self.name("rota"),), after_minutes=5), Level(tell=(self.mail,), after_minutes=10))
        return {
            (Kind.TEAM, self.name("team")): Team(description=about),
            (Kind.SCHEDULE, self.name("rota")): Schedule(
                description=about, time_zone="Europe/Berlin", teams=team, layers=layers
            ),
            (Kind.POLICY, self.name("policy")): Policy(description=about, levels=levels, repeat=1, teams=team),
            (Kind.SERVICE, self.name("service")): Service(
                description=about, policy=self.name("policy"), urgency="severity", teams=team, integrations=("in",),
                acknowledgement_timeout_seconds=1800, auto_resolve_timeout_seconds=None,
            ),
        }  # fmt: skip

    def account(self) -> Account:
        return read(self.api, self.shapes(), self.owner)

    def put(self, kind: Kind, name: str, shape: Shape) -> dict:
        account, now = self.account(), datetime.now(UTC)
        there = account.documents.get((kind, name))
        document = body(name, shape, account, now)
        if there is None:
            return self.api.make(f"/{kind.many}", kind.value, document)
        return self.api.change(f"/{kind.many}/{there['id']}", kind.value, document)

    def put_all(self) -> None:
        for (kind, name), shape in self.shapes().items():
            made = self.put(kind, name, shape)
            if kind is Kind.SERVICE:
                self.api.make(f"/services/{made['id']}/integrations", "integration", integration("in"))

    def clean(self) -> None:
        account = self.account()
        for kind in reversed(Kind):
            for key in [each for each in account.documents if each[0] is kind and account.is_owned(each, self.owner)]:
                self.api.delete(f"/{kind.many}/{account.id_of(*key)}")


@pytest.fixture(params=["standin", "pagerduty"])
def place(request, standin) -> Iterator[Place]:
    owner = f"test-{uuid4().hex[:10]}"
    if request.param == "standin":
        standin.make("user", name="Ann", email="ann@x.example")
        yield Place(PdpyrasApi(TOKEN, standin.url), "ann@x.example", owner)
        return
    if not REAL_TOKEN:
        pytest.skip("PAGERDUTY_TEST_TOKEN names no account for tests")
    api = PdpyrasApi(REAL_TOKEN, os.environ.get("PAGERDUTY_TEST_URL", URL))
    place = Place(api, os.environ["PAGERDUTY_TEST_USER"], owner)
    yield place
    place.clean()


def test_what_was_made_is_found_as_it_was_meant(place):
    place.put_all()
    account = place.account()
    assert {key: account.shape(key) for key in place.shapes()} == place.shapes()


def test_what_is_put_again_stays_the_same_object(place):
    place.put_all()
    before = place.account()
    for (kind, name), shape in place.shapes().items():
        assert place.put(kind, name, shape)["id"] == before.id_of(kind, name)
    account = place.account()
    assert {key: account.shape(key) for key in place.shapes()} == place.shapes()


def test_an_integration_has_a_key_that_is_told_only_when_it_is_read(place):
    place.put_all()
    service = place.account().documents[Kind.SERVICE, place.name("service")]
    [listed] = service["integrations"]
    found = place.api.read(f"/services/{service['id']}/integrations/{listed['id']}", "integration")
    assert len(found["integration_key"]) == 32


def test_a_schedule_in_use_and_a_policy_in_use_are_not_deleted(place):
    place.put_all()
    account = place.account()
    for kind, name in ((Kind.SCHEDULE, "rota"), (Kind.POLICY, "policy")):
        with pytest.raises(ApiError, match="PagerDuty said 4"):
            place.api.delete(f"/{kind.many}/{account.id_of(kind, place.name(name))}")


def test_a_name_that_is_taken_is_refused(place):
    place.put_all()
    with pytest.raises(ApiError, match="PagerDuty said 400"):
        place.api.make("/teams", "team", {"type": "team", "name": place.name("team"), "description": ""})


def test_everything_goes_in_the_opposite_order(place):
    place.put_all()
    place.clean()
    account = place.account()
    assert [key for key in account.documents if account.is_owned(key, place.owner)] == []
