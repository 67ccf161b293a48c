from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rendezvous import Rendezvous

KEYS = [f"10.0.{number >> 8}.{number & 255}" for number in range(5_000)]

weighted = st.lists(
    st.tuples(st.floats(min_value=0.1, max_value=10), st.uuids().map(str)),
    min_size=2,
    max_size=6,
    unique_by=lambda t: t[1],
)


def winners(targets: list[tuple[float, str]], keys: list[str]) -> list[str]:
    rendezvous = Rendezvous([(index, weight, identity) for index, (weight, identity) in enumerate(targets)])
    chosen = [rendezvous.pick(key, ()) for key in keys]
    return [targets[index][1] for index in chosen if index is not None]


@given(weighted, st.data())
def test_a_target_that_leaves_moves_only_its_own_keys(targets: list[tuple[float, str]], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(targets))
    before = winners(targets, KEYS[:100])
    after = winners([target for target in targets if target != gone], KEYS[:100])

    assert all(now == then for then, now in zip(before, after, strict=True) if then != gone[1])


@given(weighted, st.data())
def test_a_target_that_gains_weight_only_gains_keys(targets: list[tuple[float, str]], data: st.DataObject) -> None:
    grown = data.draw(st.sampled_from(targets))
    before = winners(targets, KEYS[:100])
    after = winners(
        [(weight * 2, name) if name == grown[1] else (weight, name) for weight, name in targets], KEYS[:100]
    )

    assert all(now in {then, grown[1]} for then, now in zip(before, after, strict=True))


@given(weighted, st.text(max_size=20))
def test_a_key_keeps_to_its_target_whatever_the_order(targets: list[tuple[float, str]], key: str) -> None:
    assert winners(targets, [key]) == winners(targets[::-1], [key]) == winners(targets, [key])


@pytest.mark.parametrize("weights", [(1, 1), (1, 1, 1, 1), (1, 2, 7)])
def test_keys_spread_by_weight(weights: tuple[float, ...]) -> None:
    counts = Counter(winners([(weight, f"target {place}") for place, weight in enumerate(weights)], KEYS))

    for place, weight in enumerate(weights):
        assert counts[f"target {place}"] / len(KEYS) == pytest.approx(weight / sum(weights), abs=0.03)


def test_the_next_best_target_is_the_one_that_would_win_without_the_first() -> None:
    targets = [(1.0, f"target {place}") for place in range(4)]
    whole = Rendezvous([(index, *target) for index, target in enumerate(targets)])
    without = Rendezvous([(index, *target) for index, target in enumerate(targets) if index != 2])

    for key in KEYS[:500]:
        assert whole.pick(key, (2,)) == without.pick(key, ())


def test_the_hash_is_the_same_in_every_process_and_release() -> None:
    assert winners([(1, "a"), (1, "b"), (2, "c")], ["alice", "bob", "carol", "dave"]) == ["c", "a", "a", "c"]
