"""PagerDuty is away for a while, each way there is; the Watchdog stops; PagerDuty refuses; the gateway changes."""

import sqlite3
import threading
import time

import pytest

from alerts.pagerduty.bridge import queue
from alerts.pagerduty.bridge.heartbeat import Changes
from alerts.pagerduty.bridge.settings import Flags, settings_of
from alerts.pagerduty.bridge.store import Store
from gateway.spec.load import load
from tests.alerts.pagerduty.alertmanagers import Alertmanager, fires, needs_alertmanager
from tests.alerts.pagerduty.bridges import NOBODY, BridgeProcess, alert
from tests.alerts.pagerduty.running import KEY, OTHER_KEY, running
from tests.alerts.pagerduty.story import disorderly, incidents_by_key
from tests.waiting import until

OUTAGES = ["reset", "hang", "429", "500", "taken_reset"]


@needs_alertmanager
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", OUTAGES)
@pytest.mark.proves(
    "5.4 PagerDuty away for minutes (refused, hung, 429, 500): every trigger and resolve arrives, in order"
)
def test_nothing_is_lost_while_pagerduty_is_away(bridge_of, tmp_path, full, measured, kind):
    alerts, away_seconds = (100, 180) if full else (10, 3)
    with running("--adopt", "--events-per-minute", "1000000") as standin:
        bridge = bridge_of(events_url=standin.url).start()
        alertmanager = Alertmanager(tmp_path / "am", bridge.url)
        try:
            standin.fail({"kind": kind})
            starts = time.time()
            alertmanager.post(*(fires(f"Group{each % 5}", number=str(each), starts=starts) for each in range(alerts)))
            until(lambda: bridge.series("bridge_open_incidents") == alerts)
            alertmanager.post(
                *(
                    fires(f"Group{each % 5}", number=str(each), starts=starts, ends=time.time())
                    for each in range(alerts)
                )
            )
            until(lambda: bridge.series("bridge_open_incidents") == 0)
            threading.Event().wait(away_seconds)
            standin.fail()
            back = time.monotonic()
            until(lambda: bridge.series("bridge_queue_events") == 0, seconds=400)
            measured |= {
                "alerts": alerts,
                "seconds away": away_seconds,
                "seconds to catch up": round(time.monotonic() - back),
            }
            assert disorderly(standin) == {}
            assert len(incidents_by_key(standin)) == alerts
            assert standin.state()["open_alerts"] == 0
        finally:
            alertmanager.close()


def test_the_bridge_pages_when_the_watchdog_stops_and_ends_it_when_it_is_back(bridge_of, standin):
    bridge = bridge_of(bridge="watchdog: 3s").start()
    bridge.tell(alert("Watchdog", severity="none"))
    until(lambda: opened(standin) == ["casino-bridge/watchdog"])
    bridge.tell(alert("Watchdog", severity="none"))
    until(lambda: standin.state()["open_alerts"] == 0)
    assert bridge.series('bridge_received_total{verdict="heartbeat"}') == 2


def test_a_key_that_pagerduty_does_not_know_loses_no_page(bridge_of, standin):
    bridge = bridge_of()
    bridge.environment["PD_TABLES"] = "too-short"
    bridge.start()
    began = time.time()
    bridge.tell(alert("Cards", team="tables", starts=began))
    until(lambda: standin.state()["open_alerts"] == 1)
    assert {entry["routing_key"] for entry in standin.timeline(what="alert_opened")} == {KEY}
    bridge.tell(alert("Cards", team="tables", starts=began, ends=began + 1))
    until(lambda: standin.state()["open_alerts"] == 0)
    listed = bridge.casino("dead", "list")
    assert listed.returncode == 1
    assert "incorrect (should be 32 characters)" in listed.stdout
    assert "moved" in bridge.casino("explain", "Cards").stdout


def test_a_dead_letter_is_sent_again(bridge_of, standin):
    bridge = bridge_of()
    bridge.environment["PD_TABLES"] = "too-short"
    bridge.start()
    bridge.tell(alert("Cards", team="tables"))
    until(lambda: standin.state()["open_alerts"] == 1)
    bridge.kill()
    bridge.environment["PD_TABLES"] = OTHER_KEY
    bridge.start()
    assert bridge.casino("dead", "requeue", "1").stdout == "1: queued again\n"
    until(lambda: OTHER_KEY in {entry["routing_key"] for entry in standin.timeline(what="alert_opened")})
    assert bridge.casino("dead", "requeue", "99").returncode == 1


def test_what_waited_is_told_with_its_beginning_and_how_late_it_is(bridge_of, standin):
    bridge = bridge_of(events_url="http://127.0.0.1:1").start()
    bridge.tell(alert("DiceFail", starts=1_700_000_000.0))
    bridge.stop()
    age(bridge, 3_600)
    bridge.events_url = standin.url
    bridge.start()
    (entry,) = until(lambda: standin.timeline(what="call"))
    assert entry["summary"].startswith("[told 60 min late] Dice fail.")
    assert entry["body"]["payload"]["timestamp"] == "2023-11-14T22:13:20.000+00:00"


def age(bridge, seconds: float) -> None:
    """Let what waits have been received earlier."""
    with sqlite3.connect(bridge.state / "bridge.sqlite") as connection:
        connection.execute("UPDATE queue SET received_at = received_at - ?", (seconds,))


def opened(standin) -> list[str]:
    return [entry["dedup_key"] for entry in standin.timeline(what="alert_opened")]


def test_what_pagerduty_took_and_lost_is_sent_again_once(bridge_of, standin):
    bridge = bridge_of().start()
    standin.fail({"kind": "lost", "times": 1})
    bridge.tell(alert("Lost"))
    until(lambda: bridge.series("bridge_sent_total") == 1)
    bridge.tell(alert("Kept"))
    until(lambda: bridge.series("bridge_sent_total") == 2)
    assert standin.state()["open_alerts"] == 1
    bridge.stop()
    with sqlite3.connect(bridge.state / "bridge.sqlite") as connection:
        connection.execute("UPDATE incidents SET told_at = told_at - 3600")
    bridge.start()
    until(lambda: standin.state()["open_alerts"] == 2)
    until(lambda: bridge.series('bridge_reconciled_total{what="lost"}') == 1)
    assert [entry["dedup_key"].split("/")[2] for entry in standin.timeline(what="call")] == ["Lost", "Kept", "Lost"]


def test_reloads_of_the_gateway_are_told_as_changes(bridge_of, standin, gateway_control):
    bridge = bridge_of(control=gateway_control.address).start()
    until(lambda: gateway_control.asked >= 2)
    gateway_control.digest = "other"
    told = until(lambda: len(found := standin.timeline(what="change")) == 2 and found, seconds=40)
    assert {entry["summary"] for entry in told} == {"Configuration reloaded: generation 5, other"}
    assert {entry["routing_key"] for entry in told} == {KEY, OTHER_KEY}
    assert bridge.series("bridge_open_incidents") == 0


def test_an_upgrade_of_the_gateway_is_told_to_every_key_once(tmp_path, gateway_control):
    spec = BridgeProcess(tmp_path / "bridge", NOBODY, control=gateway_control.address).spec
    settings = settings_of(load(spec).spec, Flags())
    store = Store(tmp_path / "state", 100_000_000, lambda *_: None)

    def told() -> list[tuple[str, str]]:
        """Look as a bridge does that has just started, and tell what waits."""
        changes = Changes(settings, store, wake=lambda: None)
        changes.look()
        changes.close()
        with store.reading() as connection:
            return [(each.target, each.notice.summary) for each in queue.older_than(connection, time.time() + 60, 100)]

    assert told() == []
    gateway_control.version = "0.2.0"
    upgraded = 'Gateway upgraded: casino_build_info{version="0.2.0"}'
    assert told() == [("games", upgraded), ("tables", upgraded)]
    assert len(told()) == 2
    store.close()
