"""The bridge is killed at any moment, with a real Alertmanager before it: nothing is lost, nothing comes out of order."""

import random
import threading
import time

import pytest

from tests.alerts.pagerduty.alertmanagers import Alertmanager, fires, needs_alertmanager
from tests.alerts.pagerduty.running import running
from tests.alerts.pagerduty.story import calls_by_key, disorderly, incidents_by_key
from tests.waiting import until

UNBOUNDED = ("--adopt", "--events-per-minute", "1000000")


@pytest.fixture
def quick_standin():
    """A stand-in whose limits are out of the way."""
    with running(*UNBOUNDED) as standin:
        yield standin


@needs_alertmanager
@pytest.mark.timeout(900)
@pytest.mark.proves(
    "5.4 kill -9 of the bridge at 200 random moments during 1,000 alerts: all arrive, in order, none stays open"
)
def test_alerts_survive_a_bridge_that_is_killed_again_and_again(bridge_of, quick_standin, tmp_path, full, measured):
    alerts, kills = (1_000, 200) if full else (60, 6)
    bridge = bridge_of(events_url=quick_standin.url)
    alertmanager = Alertmanager(tmp_path / "am", bridge.url)
    try:
        bridge.start()
        deaths = kill_again_and_again(bridge, kills)
        told = tell(alertmanager, alerts, until_done=deaths)
        until(
            lambda: quick_standin.state()["open_alerts"] == 0 and len(calls_by_key(quick_standin)) == alerts,
            seconds=120,
        )
        until(lambda: bridge.series("bridge_queue_events") == 0)
    finally:
        alertmanager.close()
    incidents = incidents_by_key(quick_standin)
    calls = sum(map(len, calls_by_key(quick_standin).values()))
    measured |= {"alerts": told, "kills": kills, "calls": calls, "incidents": sum(incidents.values())}
    assert told == alerts == len(incidents)
    assert disorderly(quick_standin) == {}
    assert {key: count for key, count in incidents.items() if count > 1} == {}


def kill_again_and_again(bridge, kills: int) -> threading.Thread:
    """Kill it while it works, each time after another while."""

    def kill() -> None:
        for _ in range(kills):
            threading.Event().wait(random.uniform(0.0, 0.6))
            bridge.kill()
            bridge.start()

    killing = threading.Thread(target=kill)
    killing.start()
    return killing


def tell(alertmanager: Alertmanager, count: int, *, until_done: threading.Thread) -> int:
    """Let alerts fire in twenty groups while something goes on, and end them all; return how many there were."""
    starts = {number: time.time() for number in range(count)}
    for number in range(count):
        alertmanager.post(fires(f"Group{number % 20}", number=str(number), starts=starts[number]))
    pause = threading.Event()
    ended = 0
    while until_done.is_alive() or ended < count:
        # Alertmanager tells nobody of what ended before it could tell that it fires (notes, 3.2): a while between.
        if ended < count and (not until_done.is_alive() or time.time() - starts[ended] > 15):
            number = ended
            alertmanager.post(fires(f"Group{number % 20}", number=str(number), starts=starts[number], ends=time.time()))
            ended += 1
        else:
            pause.wait(0.05)
    return ended
