"""Who is on call: turns, restrictions, layers and overrides, by the clocks of the schedule."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from alerts.pagerduty.standin.resource import Layer, LayerUser, Override, Reference, Restriction, Schedule
from alerts.pagerduty.standin.rota import on_call

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_NINE = datetime(2026, 1, 5, 9, tzinfo=BERLIN)
DAY = 86_400


def user(name: str) -> LayerUser:
    return LayerUser(user=Reference(id=name, type="user_reference"))


def layer(*names: str, turn_days: int = 7, restrictions: tuple[Restriction, ...] = ()) -> Layer:
    return Layer(
        start=MONDAY_NINE, rotation_virtual_start=MONDAY_NINE, rotation_turn_length_seconds=turn_days * DAY,
        users=list(map(user, names)), restrictions=list(restrictions),
    )  # fmt: skip


def schedule(*layers: Layer) -> Schedule:
    return Schedule(name="games", time_zone="Europe/Berlin", schedule_layers=list(layers))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-01-05T08:59:59", None),
        ("2026-01-05T09:00:00", "ann"),
        ("2026-01-12T08:59:59", "ann"),
        ("2026-01-12T09:00:00", "bob"),
        ("2026-01-19T09:00:00", "ann"),
        ("2026-03-30T08:59:59", "bob"),
        ("2026-03-30T09:00:00", "ann"),
    ],
)
def test_users_take_turns_and_hand_over_at_nine_in_summer_too(moment, name):
    assert on_call(schedule(layer("ann", "bob")), (), at(moment)) == name


NIGHT = Restriction(type="daily_restriction", start_time_of_day="22:00:00", duration_seconds=10 * 3600)
WEEKEND = Restriction(
    type="weekly_restriction", start_time_of_day="18:00:00", start_day_of_week=5, duration_seconds=62 * 3600
)


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-02-03T21:59:59", "base"),
        ("2026-02-03T22:00:00", "night"),
        ("2026-02-04T07:59:59", "night"),
        ("2026-02-04T08:00:00", "base"),
        ("2026-02-06T17:59:59", "base"),
        ("2026-02-06T18:00:00", "weekend"),
        ("2026-02-06T23:00:00", "weekend"),
        ("2026-02-09T07:59:59", "weekend"),
        ("2026-02-09T08:00:00", "base"),
    ],
)
def test_the_highest_layer_that_holds_wins_also_over_midnight_and_the_end_of_the_week(moment, name):
    layers = layer("base"), layer("night", restrictions=(NIGHT,)), layer("weekend", restrictions=(WEEKEND,))
    assert on_call(schedule(*layers), (), at(moment)) == name


def test_an_override_beats_every_layer_while_it_lasts():
    override = Override(
        start=datetime(2026, 1, 6, tzinfo=UTC), end=datetime(2026, 1, 7, tzinfo=UTC),
        user=Reference(id="eve", type="user_reference"),
    )  # fmt: skip
    there = schedule(layer("ann"))
    moments = [datetime(2026, 1, day, tzinfo=UTC).timestamp() for day in (6, 7)]
    assert [on_call(there, (override,), moment) for moment in moments] == ["eve", "ann"]
