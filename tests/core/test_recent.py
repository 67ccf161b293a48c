import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.recent import Recent


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


def test_what_is_put_again_is_replaced(recent):
    for word in ("first", "second"):
        recent.put(1, word, 60)
        recent.put(2, word, 1)
    assert recent.get(1) == "second"
    assert len(recent) == 2


def test_what_is_forgotten_is_gone(recent):
    recent.put(1, "one", 1)
    recent.forget(1)
    recent.forget(1)
    assert recent.get(1) is None
    assert len(recent) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 120), st.sampled_from(["put", "get", "forget"]))))
def test_it_never_holds_more_than_it_may_and_never_gives_back_what_is_not_the_last(steps):
    recent, last = Recent(3, 100), {}
    for key, size, step in steps:
        if step == "put":
            recent.put(key, size, size)
            last[key] = size
        elif step == "forget":
            recent.forget(key)
            last.pop(key, None)
        else:
            assert recent.get(key) in (None, last.get(key))
        assert len(recent) <= 6
