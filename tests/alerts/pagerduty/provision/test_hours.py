"""The week of a schedule, against a count of its minutes one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.pagerduty.provision.hours import ALWAYS, DAYS, WEEK_SECONDS, held, normal, told, uncovered
from gateway.spec.pagerduty import Hours, Layer, Schedule

MINUTES = WEEK_SECONDS // 60
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
HOURS = st.builds(Hours, days=st.lists(st.sampled_from(DAYS), unique=True).map(tuple), from_=CLOCKS, to=CLOCKS)
LAYERS = st.lists(st.lists(HOURS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4)


def schedule(*layers: tuple[Hours, ...]) -> Schedule:
    held_by = {f"layer-{number}": Layer(users=("ann@x.example",), during=each) for number, each in enumerate(layers)}
    return Schedule(time_zone="Etc/UTC", layers=held_by)


def minutes_of(hours: Hours) -> set[int]:
    """Count a layer's minutes day by day, as a person with a calendar would."""
    found = set()
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (hours.from_, hours.to))
    for day in hours.days or DAYS:
        minute = start
        while True:
            found.add((DAYS.index(day) * 1440 + minute) % MINUTES)
            minute += 1
            if minute % 1440 == end:
                break
    return found


def minutes_in(stretches) -> set[int]:
    return {(start // 60 + minute) % MINUTES for start, length in stretches for minute in range(length // 60)}


@given(LAYERS)
def test_a_minute_is_covered_or_uncovered_and_never_both(layers):
    covered = set().union(*(minutes_of(hours) for layer in layers for hours in layer))
    assert minutes_in(uncovered(schedule(*layers))) == set(range(MINUTES)) - covered


@given(st.lists(HOURS, min_size=1, max_size=4))
def test_a_layer_holds_in_the_minutes_it_says(during):
    assert minutes_in(held(during)) == set().union(*map(minutes_of, during))


@given(st.lists(HOURS, min_size=1, max_size=4), st.randoms())
def test_the_same_hours_have_one_form_however_they_are_written(during, chance):
    shuffled = [*during, *during]
    chance.shuffle(shuffled)
    assert held(shuffled) == held(during)
    assert normal(held(during)) == held(during)
    stretches = held(during)
    assert sum(length for _, length in stretches) <= WEEK_SECONDS
    ends = {(start + length) % WEEK_SECONDS for start, length in stretches}
    assert stretches == ALWAYS or not ends & {start for start, _ in stretches}, "stretches that touch are one"


@pytest.mark.parametrize(
    ("layers", "gaps"),
    [
        pytest.param([()], [], id="no hours are all hours"),
        pytest.param([(Hours(from_="09:00", to="09:00"),)], [], id="from nine to nine is a whole day"),
        pytest.param(
            [(Hours(from_="08:00", to="20:00"),), (Hours(from_="20:00", to="08:00"),)], [], id="day and night"
        ),
        pytest.param(
            [(Hours(from_="08:00", to="20:00"),), (Hours(from_="20:01", to="08:00"),)],
            [f"{day} 20:00 to {day} 20:01" for day in DAYS],
            id="one minute a day",
        ),
        pytest.param(
            [(Hours(days=("mon", "tue", "wed", "thu", "fri")),)], ["sat 00:00 to mon 00:00"], id="no weekends"
        ),
        pytest.param(
            [(Hours(days=("mon", "tue", "wed", "thu", "fri", "sat"), from_="08:00", to="08:00"),)],
            ["sun 08:00 to mon 08:00"],
            id="over the end of the week",
        ),
        pytest.param([(Hours(days=("wed",), from_="10:00", to="11:00"),)], ["wed 11:00 to wed 10:00"], id="one hour"),
    ],
)
def test_the_uncovered_hours_are_told(layers, gaps):
    assert list(map(told, uncovered(schedule(*layers)))) == gaps


def test_nothing_covered_is_the_whole_week():
    assert told(ALWAYS[0]) == "the whole week"
