from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ejection import LONGEST, Outcomes, Standing, step
from gateway.spec.upstream import Ejection

POLICY = Ejection(failures_ratio=0.5, requests=10, window_seconds=10, eject_seconds=10, most_ratio=0.5)
BAD, GOOD, SILENT = Outcomes(0, 10), Outcomes(10, 0), Outcomes()


def ejected(standings: dict[str, Standing]) -> set[str]:
    return {target for target, standing in standings.items() if standing.ejected}


@pytest.mark.parametrize(
    ("outcomes", "out"),
    [
        pytest.param({"a": BAD, "b": GOOD}, {"a"}, id="the failing one of two"),
        pytest.param({"a": Outcomes(5, 5), "b": GOOD}, {"a"}, id="exactly the share"),
        pytest.param({"a": Outcomes(6, 5), "b": GOOD}, set(), id="just below the share"),
        pytest.param({"a": Outcomes(0, 9), "b": GOOD}, set(), id="too few requests to judge"),
        pytest.param({"a": BAD}, set(), id="the only target stays"),
        pytest.param({"a": BAD, "b": BAD, "c": BAD}, {"c"}, id="one of three: half of three, rounded down"),
        pytest.param({"a": Outcomes(3, 7), "b": Outcomes(1, 9), "c": GOOD}, {"b"}, id="the worst one first"),
        pytest.param({"a": GOOD, "b": SILENT}, set(), id="silence is no failure"),
    ],
)
def test_targets_that_fail_are_ejected_up_to_the_cap(outcomes: dict[str, Outcomes], out: set[str]) -> None:
    assert ejected(step({}, outcomes, set(), POLICY, now=1)) == out


def test_a_target_that_is_down_by_its_health_check_counts_toward_the_cap() -> None:
    assert ejected(step({}, {"a": BAD, "b": SILENT}, {"b"}, POLICY, now=1)) == set()


def test_a_target_that_is_down_is_not_ejected_too() -> None:
    assert ejected(step({}, {"a": BAD, "b": GOOD}, {"a"}, POLICY, now=1)) == set()


def test_each_ejection_in_a_row_is_longer_up_to_a_limit() -> None:
    standings, now, lengths = {}, 0.0, []
    for _ in range(LONGEST + 2):
        standings = step(standings, {"a": BAD, "b": GOOD}, set(), POLICY, now)
        until = standings["a"].until
        assert until is not None
        lengths.append(until - now)
        now = until
        standings = step(standings, {"a": SILENT, "b": GOOD}, set(), POLICY, now)
        assert not ejected(standings)
    assert lengths == pytest.approx([*range(10, 101, 10), 100, 100])


def test_a_target_that_behaved_as_long_as_the_longest_ejection_starts_anew() -> None:
    standings = {"a": Standing(times=3, returned=0.0), "b": Standing()}
    standings = step(standings, {"a": SILENT, "b": GOOD}, set(), POLICY, now=LONGEST * POLICY.eject_seconds)
    assert standings["a"].times == 0


def test_failures_while_ejected_do_not_count_after_the_return() -> None:
    standings = step({}, {"a": BAD, "b": GOOD}, set(), POLICY, now=0)
    standings = step(standings, {"a": BAD, "b": GOOD}, set(), POLICY, now=5)
    standings = step(standings, {"a": BAD, "b": GOOD}, set(), POLICY, now=10)
    assert not ejected(standings)


def test_when_targets_leave_the_spec_the_cap_holds_for_those_that_stay() -> None:
    standings = step({}, {"a": BAD, "b": GOOD, "c": BAD, "d": GOOD}, set(), POLICY, now=0)
    assert ejected(standings) == {"a", "c"}
    assert len(ejected(step(standings, {"a": SILENT, "c": SILENT, "d": SILENT}, set(), POLICY, now=1))) == 1


@given(
    ratio=st.floats(0, 1),
    ticks=st.lists(
        st.tuples(
            st.floats(0, 15),
            st.dictionaries(st.sampled_from("abcdefg"), st.builds(Outcomes, st.integers(0, 20), st.integers(0, 20))),
            st.sets(st.sampled_from("abcdefg")),
        ),
        max_size=30,
    ),
)
def test_never_more_than_the_cap_is_ejected(
    ratio: float, ticks: list[tuple[float, dict[str, Outcomes], set[str]]]
) -> None:
    policy = Ejection(requests=1, most_ratio=ratio)
    standings: dict[str, Standing] = {}
    now = 0.0
    for gap, outcomes, down in ticks:
        now += gap
        before = ejected(standings) & outcomes.keys()
        standings = step(standings, outcomes, down, policy, now)
        out = ejected(standings)
        assert len(out) <= floor(ratio * len(outcomes) + 1e-9)
        if out - before:
            assert len(out | (down & outcomes.keys())) <= floor(ratio * len(outcomes) + 1e-9)
