"""What gets lost between Alertmanager and the bridge is set right; what nobody can vouch for is left alone."""

import time

import pytest

from tests.alerts.pagerduty.alertmanagers import Alertmanager, fires, needs_alertmanager
from tests.alerts.pagerduty.bridges import alert
from tests.waiting import until

pytestmark = needs_alertmanager
QUICK = "watchdog: 0s, reconcile: 200ms, grace: 1s, warm_up: 0s"


@pytest.fixture
def alertmanager(tmp_path):
    """A real one that tells nobody: webhooks are posted by the test."""
    process = Alertmanager(tmp_path / "am", "http://127.0.0.1:1")
    yield process
    process.close()


def listed_and_open(bridge_of, standin, alertmanager, bridge):
    began = time.time()
    alertmanager.post(fires("DiceFail", starts=began))
    running = bridge_of(alertmanager=alertmanager.url, bridge=bridge).start()
    running.tell(alert("DiceFail", starts=began))
    until(lambda: standin.state()["open_alerts"] == 1)
    return running, began


def test_a_lost_resolve_is_made_good(bridge_of, standin, alertmanager):
    """S3 and S4 of the notes: Alertmanager knows that it ended, and will never say so."""
    running, began = listed_and_open(bridge_of, standin, alertmanager, QUICK)
    alertmanager.post(fires("DiceFail", starts=began, ends=time.time()))
    until(lambda: standin.state()["open_alerts"] == 0)
    assert running.series('bridge_reconciled_total{what="orphaned"}') == 1
    told = running.casino("explain", "DiceFail").stdout
    assert "no Alertmanager lists it" in told


CAUTIOUS = {
    "it just restarted": ("watchdog: 0s, reconcile: 100ms, grace: 0s, warm_up: 1h", False),
    "it does not list the Watchdog": ("watchdog: 1h, reconcile: 100ms, grace: 0s, warm_up: 0s", False),
    "it is gone": ("watchdog: 0s, reconcile: 100ms, grace: 0s, warm_up: 0s", True),
}


@pytest.mark.parametrize(("bridge", "dies"), CAUTIOUS.values(), ids=CAUTIOUS)
def test_nothing_is_resolved_when_alertmanagers_silence_proves_nothing(bridge_of, standin, alertmanager, bridge, dies):
    running = bridge_of(alertmanager=alertmanager.url, bridge=bridge)
    if dies:
        alertmanager.kill()
    running.start()
    running.tell(alert("DiceFail"))
    until(lambda: standin.state()["open_alerts"] == 1)
    rounds = running.log.read_text().count("alertmanager_silent")
    looked = time.monotonic()
    until(lambda: time.monotonic() - looked > 2 and running.log.read_text().count("alertmanager_silent") >= rounds)
    assert standin.state()["open_alerts"] == 1


def test_the_beginning_of_what_is_over_is_not_sent_when_it_is_told_after_its_end(bridge_of, standin, alertmanager):
    running, began = listed_and_open(bridge_of, standin, alertmanager, QUICK)
    ended = time.time()
    alertmanager.post(fires("DiceFail", starts=began, ends=ended))
    running.tell(alert("DiceFail", starts=began, ends=ended))
    until(lambda: standin.state()["open_alerts"] == 0)
    running.tell(alert("DiceFail", starts=began))
    until(lambda: running.series('bridge_received_total{verdict="doubtful"}') == 1)
    until(lambda: running.series("bridge_queue_events") == 0)
    assert [entry["action"] for entry in standin.timeline(what="call")] == ["trigger", "resolve"]
    assert running.series("bridge_open_incidents") == 0


def test_what_alertmanager_thought_over_too_soon_is_triggered_again(bridge_of, standin, alertmanager):
    running, began = listed_and_open(bridge_of, standin, alertmanager, QUICK)
    running.tell(alert("DiceFail", starts=began, ends=time.time()))
    until(lambda: standin.state()["open_alerts"] == 0)
    running.tell(alert("DiceFail", starts=began))
    assert until(lambda: standin.state()["open_alerts"] == 1)
