import pytest

from exporters.catalog.gateway import FAILURES, FIRST_BYTE, IN_FLIGHT, REQUESTS, RESPONSES
from gateway.store.slot import Word
from tests.control.conftest import A, B
from tests.waiting import until


def test_traffic_shows_as_rates_shares_and_latencies(control):
    worker = control.workers[0]
    histogram = worker.slot.tally.histogram(FIRST_BYTE, ("roll", "v1"), (0.1, 0.2))
    worker.calls(A)
    until(lambda: control.ask("GET", "/stats").json["requests_per_second"]["10s"] == 0)

    def after_traffic():
        worker.slot.tally.add(REQUESTS, ("roll", "v1", "2xx", "upstream"), 3)
        worker.slot.tally.add(REQUESTS, ("roll", "v1", "5xx", "upstream"), 1)
        worker.slot.tally.add(RESPONSES, ("roll", "GET", "200"), 4)
        worker.calls(A, success=3, failure=1)
        histogram.observe(0.05)
        shown = control.ask("GET", "/stats").json
        return shown["routes"]["roll"]["requests_per_second"] > 0 and shown

    shown = until(after_traffic)
    roll, targets = shown["routes"]["roll"], shown["upstreams"]["dice"]["v1"]["targets"]
    assert shown["requests_per_second"]["10s"] > 0
    assert roll["errors_ratio"] == pytest.approx(0.25)
    assert 0 < roll["first_byte_seconds"]["p50"] <= 0.1
    assert roll["duration_seconds"]["p50"] is None
    assert targets[A]["failures_per_second"] == pytest.approx(targets[A]["requests_per_second"] / 4)
    assert targets[B]["requests_per_second"] == 0


def test_what_is_open_now_is_shown_for_workers_and_routes(control):
    first, second = control.workers
    for worker, connections in ((first, 3), (second, 4)):
        worker.slot.words[Word.CONNECTIONS] = connections
        worker.slot.words[Word.LAG] = 2_000_000
        worker.slot.tally.add(IN_FLIGHT, ("roll",), 2)
    first.slot.tally.add(FAILURES, ("roll", "connect_refused"), 5)
    shown = control.ask("GET", "/stats").json
    assert shown["connections"] == 7
    assert shown["routes"]["roll"]["in_flight"] == 4
    assert shown["failures"] == {"connect_refused": 5}
    assert shown["workers"]["worker-1"]["loop_lag_seconds"] == 0.002
    assert shown["workers"]["worker-1"]["pid"] == first.slot.words[Word.PID]
    assert shown["workers"]["worker-2"]["live"]


def test_the_share_of_a_core_is_measured_between_two_looks(control):
    control.ask("GET", "/stats")
    assert 0 <= control.ask("GET", "/stats").json["workers"]["worker-1"]["cpu_ratio"] < 64


def test_what_left_the_spec_left_the_stats(control):
    control.workers[0].slot.tally.add(RESPONSES, ("roll", "GET", "200"), 4)
    control.write_spec("casino: 1\nroutes: {closed: {match: /**, answer: {status: 404}}}\n")
    control.ask("POST", "/reload")
    shown = control.ask("GET", "/stats").json
    assert (list(shown["routes"]), shown["upstreams"]) == (["closed"], {})
