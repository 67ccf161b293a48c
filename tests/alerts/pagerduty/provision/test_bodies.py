"""What is sent, read back, is what was wanted: else `apply` would never come to rest."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from alerts.pagerduty.provision.bodies import body
from alerts.pagerduty.provision.found import Account
from alerts.pagerduty.provision.hours import WEEK_SECONDS, normal
from alerts.pagerduty.provision.shape import Kind, Layer, Schedule, marker
from alerts.pagerduty.provision.wanted import TURN_SECONDS

PEOPLE = {f"{name}@x.example": name.upper() for name in ("ann", "bob", "cy")}
ACCOUNT = Account(
    documents={(Kind.TEAM, "games"): {"id": "T"}},
    names={"T": "games", **{id_: mail for mail, id_ in PEOPLE.items()}},
    users=PEOPLE,
)
NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Etc/UTC"])
MINUTES = st.integers(0, WEEK_SECONDS // 60 - 1).map(lambda minute: minute * 60)
LENGTHS = st.integers(1, WEEK_SECONDS // 60).map(lambda minute: minute * 60)


@st.composite
def layers(draw, name: str) -> Layer:
    users = tuple(draw(st.lists(st.sampled_from(sorted(PEOPLE)), min_size=1, max_size=8)))
    turn_seconds = draw(st.sampled_from(sorted(TURN_SECONDS.values())))
    return Layer(
        name=name,
        users=users,
        turn_seconds=turn_seconds,
        phase_seconds=draw(st.integers(0, turn_seconds * len(users) // 60 - 1)) * 60,
        hours=normal(draw(st.lists(st.tuples(MINUTES, LENGTHS), min_size=1, max_size=4))),
    )


@given(ZONES, st.tuples(layers("a"), layers("b")), st.sampled_from([(), ("games",)]))
def test_a_schedule_comes_back_as_it_was_sent(zone, both, teams):
    wanted = Schedule(description=marker("casino"), time_zone=zone, teams=teams, layers=both)
    assert sent_and_read(wanted) == wanted


def test_a_handover_in_the_hour_that_clocks_leave_out_comes_back_too():
    """On 31 March 2024 there was no 02:30 in Berlin, 90 days after the anchor: thirteen weeks less a day."""
    layer = Layer(
        name="a", users=("ann@x.example",) * 13, turn_seconds=604_800, phase_seconds=90 * 86_400 + 9000, hours=normal([(0, 60)])
    )  # fmt: skip
    wanted = Schedule(description="", time_zone="Europe/Berlin", teams=(), layers=(layer,))
    assert sent_and_read(wanted) == wanted


def sent_and_read(wanted: Schedule) -> Schedule:
    document = body("rota", wanted, ACCOUNT, NOW)
    there = {**document, "id": "S", "schedule_layers": document["schedule_layers"][::-1]}
    account = Account(documents={(Kind.SCHEDULE, "rota"): there}, names=ACCOUNT.names, users=PEOPLE)
    return account.shape((Kind.SCHEDULE, "rota"))
