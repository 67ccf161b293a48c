"""The clock: faster, put forward, never back; and the limits that keep their ratio to it."""

from alerts.pagerduty.standin.clock import Clock
from alerts.pagerduty.standin.window import Window
from tests.alerts.pagerduty.running import running
from tests.waiting import until


class Wall:
    """A clock of a wall that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_it_runs_as_fast_as_it_is_told_and_never_jumps_when_that_changes():
    wall = Wall()
    clock = Clock(1.0, wall)
    start = clock.now()
    wall.seconds += 10
    clock.run(60.0)
    assert clock.now() - start == 10
    wall.seconds += 1
    assert clock.now() - start == 70
    clock.forward(30)
    clock.run(1.0)
    wall.seconds += 1
    assert clock.now() - start == 101


def test_a_window_slides():
    window = Window(2, seconds=60.0)
    assert [window.take("a", at) for at in (0, 30, 59, 60, 60, 90)] == [True, True, False, True, False, True]
    assert window.take("b", 60)
    assert (window.left("a", 90), window.reset_seconds("a", 90)) == (0, 30)


def test_a_fast_clock_takes_as_many_calls_in_each_of_its_minutes():
    """A minute passes in a second: whoever goes on calling is refused, and soon is taken again."""
    with running("--adopt", "--scale", "60", "--events-per-minute", "2") as fast:
        assert until(lambda: fast.send().status_code == 429)
        assert until(lambda: fast.send().status_code == 202)


def test_levels_pass_in_real_time_on_a_fast_clock():
    with running("--adopt", "--scale", "1000") as fast:
        fast.send()
        until(lambda: [each["level"] for each in fast.timeline(what="notified")] == [1, 2])
        first, second = fast.timeline(what="notified")
        assert second["at"] - first["at"] == 300
