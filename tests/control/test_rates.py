import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.rates import History, Sample, pause_seconds, quantile

KEY = ("gateway_responses", (("route", "roll"), ("method", "GET"), ("code", "200")))
TIMES = ("gateway_first_byte_seconds", (("route", "roll"), ("arm", "v1")))
EDGES = (0.1, 0.2, 0.4, 0.8)


def sample(at, answered=0, counts=(0, 0, 0, 0, 0)):
    return Sample(at, {KEY: answered}, {TIMES: list(counts)}, EDGES)


@pytest.mark.parametrize(
    ("counts", "rank", "seconds"),
    [
        pytest.param([0, 0, 0, 0, 0], 0.5, None, id="nothing observed"),
        pytest.param([10, 0, 0, 0, 0], 0.5, 0.05, id="half way through the first bucket"),
        pytest.param([0, 10, 0, 0, 0], 0.5, 0.15, id="half way through a later bucket"),
        pytest.param([5, 5, 0, 0, 0], 0.5, 0.1, id="at an edge"),
        pytest.param([9, 0, 0, 1, 0], 0.99, 0.76, id="empty buckets between"),
        pytest.param([0, 0, 0, 0, 7], 0.5, 0.8, id="beyond every edge"),
        pytest.param([1, 0, 0, 0, 0], 1.0, 0.1, id="the greatest"),
    ],
)
def test_quantiles_lie_within_their_bucket(counts, rank, seconds):
    found = quantile(EDGES, counts, rank)
    assert found == (None if seconds is None else pytest.approx(seconds))


@given(st.lists(st.floats(0, 0.8), min_size=2, max_size=200), st.integers(1, 99))
def test_an_estimate_is_off_by_no_more_than_a_bucket(observed, percent):
    edges = tuple(edge / 100 for edge in range(1, 81))
    counts = [0] * 81
    for seconds in observed:
        counts[next((place for place, edge in enumerate(edges) if seconds <= edge), 80)] += 1
    found = quantile(edges, counts, percent / 100)
    ordered = sorted(observed)
    exact = ordered[min(len(ordered) - 1, -(-percent * len(ordered) // 100) - 1)]
    assert abs(found - exact) <= 0.01 + 1e-9


def test_rates_are_taken_over_the_time_that_passed():
    history = History()
    for second in range(70):
        history.add(sample(float(second), answered=second * 100))
    for seconds in (1.0, 10.0, 60.0):
        between = history.last(seconds)
        assert between.seconds == seconds
        assert between.sum_by(KEY[0], "route") == {("roll",): 100 * seconds}


def test_two_samples_are_needed():
    history = History()
    assert history.last(1) is None
    history.add(sample(0.0))
    assert history.last(1) is None


def test_a_series_that_is_new_began_at_zero():
    history = History()
    history.add(Sample(0.0, {}, {}, EDGES))
    history.add(sample(1.0, 5, (1, 0, 0, 0, 0)))
    assert history.last(1).sum_by(KEY[0]) == {(): 5}
    assert history.last(1).latency_by(TIMES[0], "route")["roll"].p50 == pytest.approx(0.05)


def test_an_interval_in_which_the_buckets_changed_says_nothing_of_latency():
    history = History()
    history.add(sample(0.0, 1, (1, 0, 0, 0, 0)))
    history.add(Sample(1.0, {KEY: 2}, {TIMES: [5, 5]}, (0.1,)))
    assert history.last(1).latency_by(TIMES[0], "route")["roll"].p50 is None


def test_sampling_takes_a_bounded_share_of_a_core():
    assert pause_seconds(0.001) == 1
    assert pause_seconds(0.5) == pytest.approx(25)
