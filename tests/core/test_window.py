from hypothesis import given
from hypothesis import strategies as st

from gateway.core.window import SLICES, Window

SECONDS = 10.0
arrivals = st.lists(
    st.tuples(st.floats(0, 3), st.integers(0, 5), st.integers(0, 5)), max_size=200
)  # gap before it, successes, failures


@given(arrivals)
def test_a_window_holds_all_outcomes_of_its_length_and_none_that_are_older(rows: list[tuple[float, int, int]]) -> None:
    window, now, seen = Window(), 0.0, []
    for gap, successes, failures in rows:
        now += gap
        seen.append((now, successes + failures))
        window = window.add(successes, failures, now=now, seconds=SECONDS)
        surely = sum(count for at, count in seen if at > now - SECONDS * (SLICES - 1) / SLICES)
        perhaps = sum(count for at, count in seen if at > now - SECONDS)
        assert surely <= window.requests <= perhaps
        assert len(window.slices) <= SLICES + 1


def test_a_window_without_news_stays_the_same_object() -> None:
    window = Window().add(1, 0, now=0, seconds=SECONDS)
    assert window.add(0, 0, now=1, seconds=SECONDS) is window


def test_no_failure_is_no_failing_even_at_a_share_of_zero() -> None:
    assert not Window().add(50, 0, now=0, seconds=SECONDS).fails(requests=10, failures_ratio=0)
