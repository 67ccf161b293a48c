"""Five thousand alerts in a minute: one summary first, then the critical ones, within PagerDuty's limit and in little memory."""

import json
import re
import time

import pytest

from alerts.pagerduty.bridge import queue
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.queue import Entry
from alerts.pagerduty.bridge.settings import Flags, settings_of
from alerts.pagerduty.bridge.store import Store
from alerts.pagerduty.bridge.storms import Storms
from alerts.pagerduty.core.intake import Action
from alerts.pagerduty.core.severity import RANKS, Severity
from gateway.spec.load import load
from tests.alerts.pagerduty.bridges import BridgeProcess, alert, webhook
from tests.alerts.pagerduty.flood import flood, request
from tests.waiting import until

MEMORY_BYTES = 300e6
STORM = "casino-bridge/storm/games"


@pytest.mark.timeout(400)
@pytest.mark.proves("5.4 a storm of 5,000 alerts in 60 s: memory bounded, limits kept, criticals first")
def test_a_storm_is_summed_up_and_the_critical_ones_come_first(bridge_of, standin, full, measured):
    alerts, seconds = (5_000, 60) if full else (600, 4)
    bridge = bridge_of(per_minute=120).start()
    _, statuses = flood(bridge.port, list(storm(alerts)), alerts / seconds)
    assert set(statuses) == {200}
    until(lambda: summaries(standin), seconds=30)
    watched = 120 if full else 10
    until(lambda: time.time() - calls(standin)[0]["wall"] > watched, seconds=watched + 30)
    made = calls(standin)
    busiest = max(sum(1 for each in made if start["wall"] <= each["wall"] < start["wall"] + 60) for start in made)
    memory = bridge.series("process_resident_memory_bytes")
    measured |= {"alerts": alerts, "calls in the busiest minute": busiest, "memory in MB": round(memory / 1e6)}
    assert {each["status"] for each in made} == {202}
    if full:  # it grows for a minute, and is told anew twice a minute at most
        told = [
            waiting_in(each["summary"]) for each in made if each["dedup_key"] == STORM and each["action"] == "trigger"
        ]
        assert 2 <= len(told) <= 6
        assert told == sorted(set(told))
    assert busiest <= 120
    assert memory < MEMORY_BYTES
    late = [each["severity"] for each in made if each["wall"] > made[0]["wall"] + 5]
    assert late == sorted(late, key=["critical", "warning"].index)


def test_a_storm_ends_and_what_was_over_before_it_could_be_told_is_in_the_summary(bridge_of, standin):
    """PagerDuty takes nothing meanwhile, so that a minute's worth of calls is not told before the storm begins."""
    standin.fail({"kind": "500"})
    bridge = bridge_of(per_minute=120).start()
    began = time.time()
    numbers = range(180)
    bridge.tell(*(alert(f"Slow{each % 5}", number=str(each), starts=began, severity="warning") for each in numbers))
    until(lambda: bridge.series("bridge_storm") == 1)
    over = [
        alert(f"Slow{each % 5}", number=str(each), starts=began, ends=began + 1, severity="warning") for each in numbers
    ]
    bridge.tell(*over)
    until(lambda: bridge.series("bridge_storm") == 0)
    assert bridge.series("bridge_queue_events") < 30
    standin.fail()
    until(lambda: bridge.series("bridge_queue_events") == 0, seconds=90)
    assert standin.state()["open_alerts"] == 0
    assert bridge.series("bridge_open_incidents") == 0
    taken = [each for each in calls(standin) if each["status"] == 202]
    assert len(taken) < 30
    assert waiting_in(summaries(standin)[0]["summary"]) > 120


@pytest.fixture
def sky(tmp_path):
    """A store, and what watches over it by a clock that the test turns."""
    spec = BridgeProcess(tmp_path / "bridge", "http://127.0.0.1:1", per_minute=100).spec
    settings = settings_of(load(spec).spec, Flags())
    meter = Meter(settings.keys)
    store = Store(tmp_path / "state", 100_000_000, meter.committed)
    clock = [1_000_000.0]
    storms = Storms(settings, store, meter, clock=lambda: clock[0])

    def after(seconds: float, **fires: int) -> list[tuple[str, int]]:
        """Let so many more alerts of each severity wait, and tell what the bridge itself would send."""
        clock[0] += seconds
        entries = [
            entry(f"{severity}-{clock[0]}-{each}", severity)
            for severity, count in fires.items()
            for each in range(count)
        ]
        store.write(lambda connection: [queue.put(connection, each, clock[0]) for each in entries]).result()
        with store.reading() as connection:
            storms.watch(connection, ("games",), {})
            return [(each.action.value, waiting_in(each.notice.summary)) for each in queue.lane(connection, STORM)]

    after.store = store
    yield after
    store.close()


def test_the_summary_follows_while_the_storm_grows(sky):
    assert sky(0, warning=90) == []
    assert sky(10, warning=30) == [("trigger", 120)]
    assert sky(40, warning=10) == [("trigger", 120)]  # hardly more
    assert sky(10, warning=70) == [("trigger", 200)]  # it was not sent yet: it says the last word
    sent(sky.store)
    assert sky(20, warning=600) == [("trigger", 200)]  # told less than half a minute ago
    assert sky(10) == [("trigger", 200), ("trigger", 800)]
    assert sky(30, critical=1) == [("trigger", 200), ("trigger", 801)]  # hardly more, but worse
    sky.store.write(lambda connection: connection.execute("DELETE FROM queue WHERE rank > 0")).result()
    assert [action for action, _ in sky(10)] == ["trigger", "trigger", "resolve"]


def sent(store) -> None:
    """Let what the bridge itself says be under way."""
    store.write(lambda connection: connection.execute("UPDATE queue SET attempts = 1 WHERE key = ?", (STORM,))).result()


def entry(key: str, severity: str) -> Entry:
    rank = RANKS[Severity(severity)]
    return Entry(target="games", key=key, action=Action.TRIGGER, rank=rank, name="Slow", starts_at=0.0, body=b"{}")


def waiting_in(text: str) -> int:
    return int(re.search(r"(\d+) alerts wait", text)[1])


def storm(count):
    for number in range(count):
        severity = "critical" if number % 20 == 19 else "warning"
        told = alert("Down" if severity == "critical" else f"Slow{number % 7}", number=str(number), severity=severity)
        yield request(json.dumps(webhook(told)).encode())


def calls(standin):
    return standin.timeline(what="call")


def summaries(standin):
    return [
        each for each in standin.timeline(what="alert_opened") if each["dedup_key"].startswith("casino-bridge/storm/")
    ]
