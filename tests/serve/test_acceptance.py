import os
import shutil
import signal
import time

import pytest

from exporters.catalog.gateway import LOG_DROPPED, REQUESTS, RESPONSES
from tests.serve.real import Clients, Prometheus, RealGateway, connections
from tests.serve.running import KINDS, PATIENCE_SECONDS, until


@pytest.fixture
def casino(tmp_path):
    gateway = RealGateway(tmp_path)
    yield gateway
    gateway.stop()


@pytest.fixture
def prometheus(casino, tmp_path):
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    prometheus = Prometheus(tmp_path, f"127.0.0.1:{casino.control}")
    yield prometheus
    prometheus.stop()


class Storm:
    """Reloads, upgrades and deaths, spread over a while."""

    def __init__(self, casino, deadly):
        self.casino = casino
        self.deadly = deadly
        self.process = casino.start()
        self.in_flight = 0
        """Requests in the workers at the moment each was killed."""

    def run(self, seconds, *, reloads, upgrades):
        events = [*[self.casino.reload] * reloads]
        for number in range(upgrades):
            events.insert((number + 1) * len(events) // (upgrades + 1), self.upgrade)
        for number, kind in enumerate(KINDS):
            events.insert((number + 1) * len(events) // (len(KINDS) + 1), lambda kind=kind: self.strike(kind))
        began = time.monotonic()
        for number, event in enumerate(events):
            due = began + number * seconds / len(events)
            until(lambda due=due: time.monotonic() >= due, seconds=seconds + 60)
            event()
        until(lambda: time.monotonic() >= began + seconds, seconds=seconds + 60)

    def upgrade(self):
        old, self.process = self.process, self.casino.start("--upgrade")
        assert old.wait(PATIENCE_SECONDS) == 0

    def strike(self, kind):
        pid = self.casino.pid(kind)
        os.kill(pid, signal.SIGSTOP)
        if kind.startswith("worker"):
            self.in_flight += connections(pid, self.casino.port)
        os.kill(pid, self.deadly)
        until(lambda: self.casino.replaced(kind, pid))


@pytest.mark.proves("3.3 reloads, upgrades and deaths of every process under load lose no request and no count")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_nothing_is_lost_while_everything_changes(casino, prometheus, full, measured, deadly):
    seconds, connections, reloads, upgrades = (60, 200, 20, 5) if full else (8, 20, 4, 1)
    storm = Storm(casino, deadly)
    with Clients(casino.port, 1) as first:
        until(lambda: first.answered)
    before, known = casino.total(RESPONSES), casino.total(REQUESTS)
    until(lambda: prometheus.ask("sum(gateway_requests_total)") == known, seconds=30)
    began = time.monotonic()
    with Clients(casino.port, connections) as clients:
        storm.run(seconds, reloads=reloads, upgrades=upgrades)
    until(lambda: settled(casino))
    measured |= {"answers": clients.answered, "failures": len(clients.failures), "in flight": storm.in_flight}
    hung = [(event["process.name"], event["event.reason"]) for event in casino.events("process_hung")]
    measured["hung"] = hung
    assert len(clients.failures) <= storm.in_flight, (hung, clients.failures[:20])
    measured["shed"] = clients.shed  # a machine that also runs other tests may be full; a proof needs one that is not
    assert not (full and clients.shed)
    counted = casino.total(RESPONSES)
    missing = counted - len(casino.lines()) - casino.total(LOG_DROPPED)
    measured["lines missing"] = missing
    assert abs(missing) <= storm.in_flight
    assert 0 <= counted - before - clients.answered - clients.shed <= storm.in_flight

    storm.process.kill()
    storm.process.wait()
    casino.start()
    with Clients(casino.port, 1) as last:
        until(lambda: last.answered)
    until(lambda: settled(casino))
    measured["increase"] = agrees(prometheus, casino.total(REQUESTS), known, int(time.monotonic() - began) + 60)


def agrees(prometheus, truth, known, seconds):
    """Prometheus has seen every request since it knew of `known`, and no counter that fell."""
    until(lambda: prometheus.ask("sum(gateway_requests_total)") == truth, seconds=30)
    every = f"gateway_requests_total[{seconds}s]"
    assert prometheus.ask(f"sum(resets({every}))") == 0
    assert truth - known <= prometheus.ask(f"sum(max_over_time({every}) - min_over_time({every}))") <= truth
    # increase() guesses what lies between the first and last scrape and the ends of the window
    increase = prometheus.ask(f"sum(increase({every}))")
    assert increase == pytest.approx(truth, rel=0.05)
    return increase


def settled(casino):
    """Only the newest build is left, and all its lines are written."""
    waiting = [casino.slot(f"worker-{number}").ring.waiting_bytes for number in (1, 2)]
    return len(casino.run.builds()) == 1 and not any(waiting)
