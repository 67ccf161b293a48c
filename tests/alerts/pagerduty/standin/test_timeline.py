"""The timeline: bounded, in order, and honest about what it forgot."""

from alerts.pagerduty.standin.timeline import Timeline, What


def numbers(timeline: Timeline, after: int = 0) -> list[int]:
    return [entry.number for entry in timeline.after(after)]


def test_the_oldest_are_forgotten_and_counted_and_the_rest_is_read_on_all_the_same():
    timeline = Timeline(most_entries=3)
    for _ in range(5):
        timeline.add(0.0, What.CALL)
    assert (numbers(timeline), timeline.forgotten, timeline.last) == ([3, 4, 5], 2, 5)
    assert [numbers(timeline, after) for after in (1, 2, 3, 5, 9)] == [[3, 4, 5], [3, 4, 5], [4, 5], [], []]


def test_large_bodies_are_forgotten_sooner():
    timeline = Timeline(most_bytes=2500)
    for _ in range(4):
        timeline.add(0.0, What.CALL, body={"text": "x" * 1000})
    assert numbers(timeline) == [3, 4]
    timeline.add(0.0, What.NOTIFIED)
    assert numbers(timeline) == [3, 4, 5]
