import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.slowstart import FIRST_RATIO, STEPS, Returns, begun, ratio, step

KEY = ("http://a:1", "10.0.0.1", 1)
seconds = st.floats(0.001, 86_400)


@given(seconds, st.lists(st.floats(0, 100_000), min_size=2))
def test_the_share_never_falls_while_time_goes_on(length: float, moments: list[float]) -> None:
    shares = [ratio(0.0, now, length) for now in sorted(moments)]
    assert shares == sorted(shares)
    assert all(FIRST_RATIO <= share <= 1 for share in shares)


def test_it_starts_at_a_tenth_is_half_way_in_the_middle_and_ends_at_all() -> None:
    assert [ratio(0.0, now, 10) for now in (0, 5, 10, 99)] == pytest.approx([0.1, 0.55, 1, 1])


def test_what_was_never_out_has_all_of_its_weight() -> None:
    assert ratio(None, 5, 10) == 1


def test_a_few_steps_are_published_not_one_for_each_tick() -> None:
    assert len({ratio(0.0, tick / 10, 30) for tick in range(301)}) == STEPS + 1


@given(seconds, st.floats(0, 1))
def test_a_published_share_tells_the_time_of_return(length: float, part: float) -> None:
    share = ratio(0.0, part * length, length)
    assert ratio(begun(share, 100.0, length), 100.0 + 1e-6 * length, length) == pytest.approx(share)


def test_only_what_was_out_and_came_back_starts_slowly() -> None:
    gone = step(Returns(), {KEY}, now=1, seconds=10)
    assert (gone.out, gone.since) == ({KEY}, {})
    back = step(gone, set(), now=5, seconds=10)
    assert (back.out, back.since) == (set(), {KEY: 5})
    assert step(back, set(), now=15, seconds=10).since == {}
    assert step(back, {KEY}, now=6, seconds=10).since == {}


def test_without_slow_start_nothing_is_remembered() -> None:
    assert step(Returns(frozenset({KEY})), set(), now=5, seconds=0).since == {}
