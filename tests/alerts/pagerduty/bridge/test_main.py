"""How a bridge begins: what it cannot use it says in one line, and ends with 2."""

import sqlite3

import pytest

from alerts.pagerduty.bridge.store import Store
from tests.alerts.pagerduty.bridges import alert
from tests.waiting import until

NOBODY = "http://127.0.0.1:1"


def refused(bridge) -> str:
    bridge.begin()
    assert bridge.process.wait(timeout=30) == 2
    said = bridge.log.read_text()
    assert "Traceback" not in said
    return said


def test_a_folder_in_the_place_of_the_queue_is_refused(bridge_of):
    bridge = bridge_of(events_url=NOBODY)
    (bridge.state / "bridge.sqlite").mkdir(parents=True)
    assert "the queue cannot be kept: " in refused(bridge)


@pytest.mark.parametrize("damaged", [slice(0, 100), slice(4096 * 2, 4096 * 30)], ids=["its head", "its middle"])
def test_a_damaged_queue_is_refused_with_what_to_do(bridge_of, damaged):
    bridge = bridge_of(events_url=NOBODY)
    file = bridge.state / "bridge.sqlite"
    Store(bridge.state, 10_000_000, lambda _seconds, _is_good: None).close()
    with sqlite3.connect(file) as connection:
        connection.executemany(
            "INSERT INTO incidents (key, target, is_open, starts_at, ends_at, told_at, body) VALUES (?, 'x', 1, 0, 0, 0, ?)",
            [(str(number), b"x" * 2_000) for number in range(100)],
        )
    connection.close()
    content = bytearray(file.read_bytes())
    content[damaged] = b"\xa5" * len(content[damaged])
    file.write_bytes(content)
    assert "must be moved away" in refused(bridge)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--listen", "nonsense"),
        ("--listen", "127.0.0.1:99999"),
        ("--listen", "0.0.0.0:0"),
        ("--events-url", "nonsense"),
        ("--events-url", "http://127.0.0.1:99999"),
        ("--alertmanager-url", "nonsense"),
    ],
)
def test_a_flag_that_no_spec_may_say_is_refused(bridge_of, flag, value):
    bridge = bridge_of(events_url=NOBODY)
    bridge.more = (flag, value)
    assert f"casino bridge: {flag} {value}: " in refused(bridge)


def test_what_waits_for_a_routing_key_that_is_gone_is_sent_with_the_default_one(bridge_of, standin):
    bridge = bridge_of().start()
    standin.fail({"kind": "503"})
    bridge.tell(alert("Cards", team="tables"))
    until(lambda: bridge.series("bridge_failed_calls_total"))
    with sqlite3.connect(bridge.state / "bridge.sqlite", timeout=10) as connection:
        connection.execute("UPDATE queue SET target = 'gone', not_before = 0")
    standin.fail()
    until(lambda: standin.state()["open_alerts"] == 1)
    assert "gone is not in the spec any more" in bridge.casino("explain", "Cards").stdout
    bridge.stop()
    assert "Traceback" not in bridge.log.read_text()
