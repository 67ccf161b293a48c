"""Five thousand alerts in a minute: one summary first, then the critical ones, within PagerDuty's limit and in little memory."""

import json
import time

import pytest

from tests.alerts.pagerduty.bridges import alert, webhook
from tests.alerts.pagerduty.flood import flood, request
from tests.waiting import until

MEMORY_BYTES = 300e6


@pytest.mark.timeout(400)
@pytest.mark.proves("5.4 a storm of 5,000 alerts in 60 s: memory bounded, limits kept, criticals first")
def test_a_storm_is_summed_up_and_the_critical_ones_come_first(bridge_of, standin, full, measured):
    alerts, seconds = (5_000, 60) if full else (600, 4)
    bridge = bridge_of(per_minute=120).start()
    _, statuses = flood(bridge.port, list(storm(alerts)), alerts / seconds)
    assert set(statuses) == {200}
    until(lambda: summaries(standin), seconds=30)
    watched = 120 if full else 20
    until(lambda: time.time() - calls(standin)[0]["wall"] > watched, seconds=watched + 30)
    made = calls(standin)
    busiest = max(sum(1 for each in made if start["wall"] <= each["wall"] < start["wall"] + 60) for start in made)
    memory = bridge.series("process_resident_memory_bytes")
    measured |= {"alerts": alerts, "calls in the busiest minute": busiest, "memory in MB": round(memory / 1e6)}
    assert {each["status"] for each in made} == {202}
    assert busiest <= 120
    assert memory < MEMORY_BYTES
    late = [each["severity"] for each in made if each["wall"] > made[0]["wall"] + 5]
    assert late == sorted(late, key=["critical", "warning"].index)


def test_a_storm_ends_and_what_was_over_before_it_could_be_told_is_in_the_summary(bridge_of, standin):
    bridge = bridge_of(per_minute=120).start()
    began = time.time()
    everything = [
        alert(f"Slow{number % 5}", number=str(number), starts=began, severity="warning") for number in range(300)
    ]
    bridge.tell(*everything)
    until(lambda: summaries(standin))
    over = [
        alert(f"Slow{number % 5}", number=str(number), starts=began, ends=began + 1, severity="warning")
        for number in range(300)
    ]
    bridge.tell(*over)
    until(lambda: standin.state()["open_alerts"] == 0, seconds=90)
    assert bridge.series("bridge_open_incidents") == 0
    assert len(calls(standin)) < 200
    summary = summaries(standin)[0]
    assert "alerts wait" in summary["summary"]


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
