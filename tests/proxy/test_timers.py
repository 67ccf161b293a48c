"""Deadlines are met within a tick, whatever is put off, brought forward or forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.timers import NEVER, TICK_SECONDS, Timers


class Item:
    def __init__(self) -> None:
        self.due = NEVER
        self.bucket = 0
        self.expired_at: list[float] = []

    def expire(self, now: float) -> None:
        self.expired_at.append(now)


def run_until(timers: Timers, start: float, end: float) -> None:
    ticks = int((end - start) / TICK_SECONDS)
    for tick in range(1, ticks + 1):
        timers.run(start + tick * TICK_SECONDS)


def test_a_deadline_expires_once_and_within_two_ticks() -> None:
    timers, item = Timers(100.0), Item()
    timers.arm(item, 101.0)
    run_until(timers, 100.0, 105.0)
    assert len(item.expired_at) == 1
    assert 101.0 <= item.expired_at[0] <= 101.0 + 2 * TICK_SECONDS


def test_a_deadline_put_off_does_not_expire_at_the_old_time() -> None:
    timers, item = Timers(100.0), Item()
    timers.arm(item, 101.0)
    timers.arm(item, 103.0)
    run_until(timers, 100.0, 102.9)
    assert item.expired_at == []
    run_until(timers, 102.9, 104.0)
    assert len(item.expired_at) == 1


def test_a_deadline_brought_forward_expires_at_the_new_time() -> None:
    timers, item = Timers(100.0), Item()
    timers.arm(item, 160.0)
    timers.arm(item, 101.0)
    run_until(timers, 100.0, 102.0)
    assert len(item.expired_at) == 1


def test_a_disarmed_item_never_expires_and_can_be_armed_again() -> None:
    timers, item = Timers(100.0), Item()
    timers.arm(item, 101.0)
    item.due = NEVER
    run_until(timers, 100.0, 103.0)
    assert item.expired_at == []
    timers.arm(item, 104.0)
    run_until(timers, 103.0, 105.0)
    assert len(item.expired_at) == 1


def test_a_forgotten_item_is_held_no_longer() -> None:
    timers, item = Timers(100.0), Item()
    timers.arm(item, 101.0)
    timers.forget(item)
    run_until(timers, 100.0, 103.0)
    assert item.expired_at == []
    assert item.bucket == 0


class Ender(Item):
    """Ends another one when its own time has come."""

    def __init__(self, timers: Timers) -> None:
        super().__init__()
        self._timers = timers
        self.other: Item

    def expire(self, now: float) -> None:
        super().expire(now)
        self._timers.forget(self.other)


def test_of_two_that_are_due_in_the_same_moment_the_first_may_forget_the_other() -> None:
    timers = Timers(100.0)
    pair = [Ender(timers), Ender(timers)]
    pair[0].other, pair[1].other = pair[1], pair[0]
    for item in pair:
        timers.arm(item, 101.0)
    run_until(timers, 100.0, 103.0)
    assert sorted(len(item.expired_at) for item in pair) == [0, 1]


def test_a_late_loop_catches_up() -> None:
    timers, early, late = Timers(100.0), Item(), Item()
    timers.arm(early, 101.0)
    timers.arm(late, 109.0)
    timers.run(105.0)
    assert early.expired_at == [105.0]
    assert late.expired_at == []


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.001, 3)), min_size=1, max_size=20))
def test_the_last_deadline_armed_is_the_one_that_counts(moves: list[tuple[float, float]]) -> None:
    timers, item, now = Timers(100.0), Item(), 100.0
    due = 0.0
    for pause, seconds in moves:
        before = len(item.expired_at)
        run_until(timers, now, now + pause)
        now += int(pause / TICK_SECONDS) * TICK_SECONDS
        if due and now >= due + 2 * TICK_SECONDS:
            assert len(item.expired_at) == before + 1 or item.expired_at
        due = now + seconds
        timers.arm(item, due)
    count = len(item.expired_at)
    run_until(timers, now, due - TICK_SECONDS)
    assert len(item.expired_at) == count
    timers.run(due + 2 * TICK_SECONDS)
    assert len(item.expired_at) == count + 1
