from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.request import Request
from gateway.core.split import Draws, Split
from gateway.spec.route import Arm, Test, When

Ask = Callable[..., Request]
BETA = When(header={"X-Beta": Test(exact="1")})
STAFF = When(cookie={"staff": Test(present=True)})
VERSIONS = ("v1", "v2", "v3")
ANY = Request("GET", "casino.example", "/", "", [], "192.0.2.1")


@pytest.mark.parametrize(
    ("arms", "shares"),
    [
        pytest.param((), {"v1": 1 / 3, "v2": 1 / 3, "v3": 1 / 3}, id="no arms: every version equally"),
        pytest.param(
            (Arm(version="v1", weight_ratio=0.9), Arm(version="v2", weight_ratio=0.1)),
            {"v1": 0.9, "v2": 0.1},
            id="as named",
        ),
        pytest.param(
            (Arm(version="v1"), Arm(version="v2", weight_ratio=0.2), Arm(version="v3")),
            {"v1": 0.4, "v2": 0.2, "v3": 0.4},
            id="the unnamed share what is left",
        ),
        pytest.param(
            (Arm(version="v1", weight_ratio=1), Arm(version="v2", weight_ratio=0)),
            {"v1": 1.0},
            id="weight 0 takes nothing",
        ),
        pytest.param((Arm(version="v1", weight_ratio=1), Arm(version="v2")), {"v1": 1.0}, id="nothing is left"),
        pytest.param(
            (Arm(version="v2", when=BETA), Arm(version="v1")), {"v1": 1.0}, id="a rule has no part of the weights"
        ),
        pytest.param(
            (Arm(version="v2", when=BETA),), {"v1": 1 / 3, "v2": 1 / 3, "v3": 1 / 3}, id="rules only: the rest equally"
        ),
    ],
)
def test_weights_share_what_no_rule_takes(arms: tuple[Arm, ...], shares: dict[str, float]) -> None:
    assert Split(arms, VERSIONS).shares() == pytest.approx(shares)


def test_rules_come_first_in_the_order_of_the_spec(ask: Ask) -> None:
    split = Split((Arm(version="v2", when=BETA), Arm(version="v3", when=STAFF), Arm(version="v1")), VERSIONS)
    beta, staff = (b"x-beta", b"1"), (b"cookie", b"staff=1")

    assert split.choose(ask("GET /"), 0.99) == "v1"
    assert split.choose(ask("GET /", beta), 0.0) == "v2"
    assert split.choose(ask("GET /", staff), 0.0) == "v3"
    assert split.choose(ask("GET /", staff, beta), 0.0) == "v2"


def test_the_rule_that_takes_a_request_can_be_named(ask: Ask) -> None:
    split = Split((Arm(version="v2", when=BETA), Arm(version="v1")), VERSIONS)

    assert [condition.text for condition in split.rule(ask("GET /", (b"x-beta", b"1"))) or ()] == [
        "header x-beta is `1`"
    ]
    assert split.rule(ask("GET /")) is None


def test_the_versions_of_a_split_are_listed_once_each() -> None:
    split = Split((Arm(version="v2", when=BETA), Arm(version="v1"), Arm(version="v2", weight_ratio=0.1)), VERSIONS)

    assert split.versions == ("v2", "v1")


@given(
    st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=6).filter(lambda weights: sum(weights) > 0),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_every_draw_finds_a_version_with_weight(weights: list[float], draw: float) -> None:
    arms = tuple(Arm(version=f"v{place}", weight_ratio=weight) for place, weight in enumerate(weights))

    version = Split(arms, ()).choose(ANY, draw)

    assert weights[int(version[1:])] > 0


@pytest.mark.parametrize("start", [0.0, 0.25, 0.9999])
@pytest.mark.parametrize(("ratio", "tolerance"), [(0.01, 0.001), (0.1, 0.005), (0.5, 0.01)])
def test_observed_shares_meet_the_weights(ratio: float, tolerance: float, start: float) -> None:
    split = Split((Arm(version="v2", weight_ratio=ratio), Arm(version="v1")), VERSIONS)
    draws = Draws(start)

    chosen = Counter(split.choose(ANY, draws.next()) for _ in range(100_000))

    assert chosen["v2"] / 100_000 == pytest.approx(ratio, abs=tolerance)


@pytest.mark.parametrize("every", [2, 3, 5, 7, 8, 13, 16, 55, 64, 89, 100])
def test_shares_hold_for_every_kth_request_at_least_as_well_as_by_chance(every: int) -> None:
    draws = Draws(0.3)
    seen = [draws.next() for _ in range(every * 10_000)][::every]

    for ratio in (0.01, 0.1, 0.5):
        two_deviations = 2 * (ratio * (1 - ratio) / len(seen)) ** 0.5
        assert sum(draw < ratio for draw in seen) / len(seen) == pytest.approx(ratio, abs=two_deviations)


def test_draws_are_far_more_even_than_chance() -> None:
    draws = Draws(0.0)
    seen = 0

    for number in range(1, 20_001):
        seen += draws.next() < 0.1
        assert abs(seen - number / 10) < 4


def test_draws_stay_in_their_range_for_a_long_time() -> None:
    draws = Draws(0.999999999999)

    assert all(0 <= draws.next() < 1 for _ in range(200_000))
