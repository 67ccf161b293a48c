import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.recent import Recent, remember


@pytest.fixture
def recent() -> Recent[int, str]:
    return Recent(3, 100)


def test_what_is_put_is_found(recent):
    recent.put(1, "one", 1)
    assert recent.get(1) == "one"
    assert recent.get(2) is None


def test_what_is_used_stays_and_what_is_not_goes(recent):
    recent.put(0, "used", 1)
    for number in range(1, 50):
        recent.put(number, "unused", 1)
        assert recent.get(0) == "used"
    assert recent.get(1) is None
    assert recent.get(49) == "unused"


def test_large_values_push_out_others(recent):
    recent.put(1, "small", 1)
    recent.put(2, "large", 100)
    recent.put(3, "large", 100)
    assert recent.get(1) is None
    assert recent.get(3) == "large"


class Value:
    """Something of which one can tell whether anybody holds it."""

    def __init__(self, alive: weakref.WeakSet["Value"]) -> None:
        alive.add(self)


def test_what_is_put_again_is_replaced(recent):
    alive = weakref.WeakSet()
    for _ in range(2):
        recent.put(1, Value(alive), 60)
        recent.put(2, Value(alive), 1)
    assert len(alive) == 2
    assert {recent.get(1), recent.get(2)} == set(alive)


def test_what_is_forgotten_is_gone(recent):
    alive = weakref.WeakSet()
    recent.put(1, Value(alive), 1)
    recent.forget(1)
    recent.forget(1)
    assert recent.get(1) is None
    assert len(alive) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 120), st.sampled_from(["put", "get", "forget"]))))
def test_it_never_holds_more_than_it_may_and_never_gives_back_what_is_not_the_last(steps):
    recent, last, alive = Recent(3, 100), {}, weakref.WeakSet()
    for key, size, step in steps:
        if step == "put":
            value = Value(alive)
            recent.put(key, value, size)
            last[key] = id(value)
            del value
        elif step == "forget":
            recent.forget(key)
            last.pop(key, None)
        else:
            assert id(recent.get(key)) in (id(None), last.get(key))
        assert len(alive) <= 6


def test_a_plain_memo_begins_anew_when_it_is_full():
    memo = {}
    for number in range(3):
        remember(memo, number, str(number), 2)
    assert memo == {2: "2"}
