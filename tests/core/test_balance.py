from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.balance import Balancer, hash_key
from gateway.core.request import Request
from gateway.core.snapshot import Endpoint
from gateway.core.split import Draws
from gateway.spec.upstream import Balance

Ask = Callable[..., Request]
POLICIES = ("round_robin", "least_outstanding", "hash")
ROUND_ROBIN, LEAST, HASH = (Balance(by=by) for by in POLICIES)


def endpoints(*weights: float, down: tuple[int, ...] = ()) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(
            target=f"http://10.0.0.{place}:80", host=f"10.0.0.{place}", port=80, weight=weight, up=place not in down
        )
        for place, weight in enumerate(weights)
    )


def picks(balancer: Balancer, times: int, outstanding: list[int] | None = None) -> list[int | None]:
    draws = Draws(0.1)
    loads = outstanding or [0] * 100
    return [balancer.pick(draw=draws.next(), key=f"k{n}", outstanding=loads, avoid=()) for n in range(times)]


@pytest.mark.parametrize("by", POLICIES)
@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        pytest.param(endpoints(), {None}, id="none"),
        pytest.param(endpoints(1), {0}, id="one"),
        pytest.param(endpoints(1, 1, 1), {0, 1, 2}, id="all up"),
        pytest.param(endpoints(1, 1, 1, down=(1,)), {0, 2}, id="one down"),
        pytest.param(endpoints(1, 1, down=(0, 1)), {0, 1}, id="panic: all down"),
        pytest.param(endpoints(1, 0, 1), {0, 2}, id="weight 0"),
        pytest.param(endpoints(0, 1, down=(1,)), {1}, id="panic: all that have weight are down"),
        pytest.param(endpoints(0, 0), {None}, id="no weight at all, not even in panic"),
    ],
)
def test_only_endpoints_that_may_take_traffic_are_chosen(
    by: str, given: tuple[Endpoint, ...], chosen: set[int | None]
) -> None:
    assert set(picks(Balancer(given, Balance(by=by), start=0.5), 300)) == chosen


@pytest.mark.parametrize("by", POLICIES)
def test_a_retry_goes_elsewhere_or_nowhere(by: str) -> None:
    balancer = Balancer(endpoints(1, 2, 3, 4, down=(3,)), Balance(by=by), start=0.2)

    def pick(*avoid: int) -> set[int | None]:
        return {balancer.pick(draw=n / 300, key=f"k{n}", outstanding=[0] * 4, avoid=avoid) for n in range(300)}

    assert pick(0) == {1, 2}
    assert pick(0, 2) == {1}
    assert pick(0, 1, 2) == {None}


def test_equal_weights_take_turns() -> None:
    seen = picks(Balancer(endpoints(1, 1, 1), ROUND_ROBIN, start=0.7), 30)

    assert len(set(seen[:3])) == 3
    assert all(seen[place] == seen[place + 3] for place in range(27))


def test_weights_are_met_smoothly() -> None:
    seen = picks(Balancer(endpoints(5, 1, 1), ROUND_ROBIN, start=0), 700)

    assert Counter(seen) == {0: 500, 1: 100, 2: 100}
    assert all(0 < seen[place : place + 7].count(0) < 7 for place in range(690))


@given(
    st.lists(st.floats(min_value=0.01, max_value=100), min_size=1, max_size=8),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_each_endpoint_has_its_share_of_any_number_of_turns(weights: list[float], start: float) -> None:
    seen = Counter(picks(Balancer(endpoints(*weights), ROUND_ROBIN, start=start), 500))

    for place, weight in enumerate(weights):
        assert abs(seen[place] - 500 * weight / sum(weights)) <= len(weights)


def test_workers_that_begin_apart_do_not_begin_with_the_same_endpoint() -> None:
    firsts = {picks(Balancer(endpoints(1, 1, 1, 1), ROUND_ROBIN, start=start / 4), 1)[0] for start in range(4)}

    assert firsts == {0, 1, 2, 3}


def test_retries_do_not_disturb_the_shares() -> None:
    balancer = Balancer(endpoints(1, 1), ROUND_ROBIN, start=0)

    seen = Counter(
        balancer.pick(draw=0, key=None, outstanding=(), avoid=(n % 2,) if n % 10 < 2 else ()) for n in range(1000)
    )

    assert seen[0] == pytest.approx(500, abs=2)


def test_of_two_the_less_busy_one_for_its_weight_is_chosen() -> None:
    balancer = Balancer(endpoints(1, 4), LEAST, start=0)

    assert set(picks(balancer, 50, [1, 2])) == {1}
    assert set(picks(balancer, 50, [1, 7])) == {0}


def test_the_busiest_of_many_is_never_chosen() -> None:
    assert 2 not in picks(Balancer(endpoints(1, 1, 1, 1), LEAST, start=0), 500, [3, 3, 4, 3])


def test_idle_endpoints_are_drawn_by_weight() -> None:
    seen = Counter(picks(Balancer(endpoints(1, 3), LEAST, start=0), 4_000))

    assert seen[1] / 4_000 == pytest.approx(0.75, abs=0.01)


def test_under_load_requests_under_way_are_shared_by_weight() -> None:
    balancer = Balancer(endpoints(1, 1, 2), LEAST, start=0)
    draws, loads = Draws(0.1), [0, 0, 0]

    for _ in range(400):
        index = balancer.pick(draw=draws.next(), key=None, outstanding=loads, avoid=())
        assert index is not None
        loads[index] += 1

    assert loads == pytest.approx([100, 100, 200], abs=10)


@given(
    st.lists(st.floats(min_value=0.001, max_value=1000), min_size=2, max_size=6),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_two_choices_are_two_endpoints_for_every_draw(weights: list[float], draw: float) -> None:
    balancer = Balancer(endpoints(*weights), LEAST, start=0)
    busy = [1_000_000] * len(weights)

    first = balancer.pick(draw=draw, key=None, outstanding=busy, avoid=())
    assert first is not None
    busy[first] = 10**18

    assert balancer.pick(draw=draw, key=None, outstanding=busy, avoid=()) != first


def test_a_request_without_a_key_takes_its_turn() -> None:
    balancer = Balancer(endpoints(1, 1), HASH, start=0)

    assert Counter(balancer.pick(draw=0, key=None, outstanding=(), avoid=()) for _ in range(100)) == {0: 50, 1: 50}


@pytest.mark.parametrize(
    ("balance", "key"),
    [
        pytest.param(ROUND_ROBIN, None, id="no hash"),
        pytest.param(HASH, "198.51.100.7", id="by client"),
        pytest.param(Balance(by="hash", header="X-User"), "alice", id="by header"),
        pytest.param(Balance(by="hash", header="X-None"), None, id="by an absent header"),
        pytest.param(Balance(by="hash", cookie="seat"), "7", id="by cookie"),
        pytest.param(Balance(by="hash", cookie="none"), None, id="by an absent cookie"),
    ],
)
def test_the_policy_says_what_is_hashed(ask: Ask, balance: Balance, key: str | None) -> None:
    request = ask("GET /", (b"x-user", b"alice"), (b"cookie", b"seat=7"), client="198.51.100.7")

    assert hash_key(balance, request) == key
