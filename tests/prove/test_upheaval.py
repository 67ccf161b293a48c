"""Reloads, upgrades and the death of every process under load: no request is lost, no count is wrong."""

import signal
import time
from contextlib import contextmanager

import pytest

from tests.faults.load import Load, get
from tests.faults.prometheus import PROGRAM, scraping
from tests.faults.upstreams import Upstream
from tests.waiting import until

SPEC = """
workers: 2
drain: {{grace: 0s, deadline: 8s}}
log: {{to: {log}}}
upstreams: {{game: {{versions: {{v1: [{targets}]}}}}}}
routes: {{all: {{match: /**, to: game, headers: {{response: {{set: {{X-Round: "{round}"}}}}}}}}}}
"""
WORKERS = ("worker-1", "worker-2")


class Upheaval:
    """What is done to one gateway, and which workers it cost."""

    def __init__(self, casino, load, targets):
        self.casino = casino
        self.load = load
        self.targets = targets
        self.rounds = 0
        self.killed = set()
        self.times = []
        """When workers died: (from, to), in CLOCK_MONOTONIC seconds."""

    def write(self):
        """Change a header, and send traffic to one target, the other one, or both."""
        targets = [self.targets, self.targets[:1], self.targets[1:]][self.rounds % 3]
        self.casino.write(SPEC.format(log=self.casino.log, targets=", ".join(targets), round=self.rounds))

    def reload(self):
        self.rounds += 1
        self.write()
        status, answer = self.casino.control("/reload", "POST")
        assert status == 200, answer

    def upgrade(self):
        self.casino.start("--upgrade")

    @contextmanager
    def death(self, *names):
        self.killed |= {self.casino.worker(int(name[-1])) for name in names if name in WORKERS}
        begun = time.monotonic()
        yield
        self.times.append((begun, time.monotonic() + 0.1))

    def strike(self, name, deadly):
        with self.death(name):
            self.casino.kill(name, deadly)
            if name in WORKERS:
                until(lambda: self.casino.is_serving(name))

    def strike_supervisor(self, deadly):
        """Killed, it takes all with it, and a restart serves at once; stopped, nothing is to be noticed."""
        process = self.casino.started[-1]
        if deadly is signal.SIGKILL:
            with self.death(*WORKERS):
                process.kill()
                process.wait()
                self.casino.start()
                self.load.grows(1)
        else:
            process.send_signal(deadly)
            self.load.grows(1_000)
            process.send_signal(signal.SIGCONT)

    def run(self, deadly, *, reloads, upgrades, seconds):
        """Do it all within so many seconds, or in as many as it takes."""
        strikes = [
            lambda name=name: self.strike(name, deadly) for name in ("worker-1", "control", "writer", "worker-2")
        ]
        changes = [self.reload] * reloads
        for number, each in enumerate([*[self.upgrade] * upgrades, *strikes]):
            changes.insert((number + 1) * len(changes) // (upgrades + len(strikes)), each)
        begun = time.monotonic()
        for number, change in enumerate([*changes, lambda: self.strike_supervisor(deadly)]):
            due = begun + seconds * number / len(changes)
            until(lambda due=due: time.monotonic() >= due, seconds=seconds)
            self.load.grows(50)
            change()
        self.load.grows(50)


def of_a_death(lost, upheaval, workers):
    """Whether a lost request was in flight in a worker that was killed: by its connection, or by the moment if it was the first one there."""
    if lost.before in workers:
        return workers[lost.before] in upheaval.killed
    return any(begun <= lost.at <= over for begun, over in upheaval.times)


@pytest.mark.proves("3.3 reloads, upgrades, the death of every process under load: no request lost, no count wrong")
@pytest.mark.timeout(300)
@pytest.mark.skipif(not PROGRAM, reason="prometheus is not installed")
@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_nothing_is_lost_while_everything_changes(casino, tmp_path, full, measured, deadly):
    connections, reloads, upgrades, seconds = (200, 20, 5, 60) if full else (50, 6, 2, 4)
    with Upstream() as one, Upstream() as other:
        load = Load(casino.port, connections=connections, request=get("/"), pause_seconds=0.02 if full else 0.05)
        upheaval = Upheaval(casino, load, [one.url, other.url])
        upheaval.write()
        casino.start()
        with scraping(tmp_path, casino.control_port) as prometheus:
            with load:
                upheaval.run(deadly, reloads=reloads, upgrades=upgrades, seconds=seconds)
            until(lambda: len(casino.run.builds()) == 1 and casino.is_written())
            requests = casino.metric("gateway_requests_total")
            until(lambda: prometheus.number("sum(gateway_requests_total)") == requests)
            increase = prometheus.increase("gateway_requests_total")
    lines = casino.access()
    workers = {line.id: line.worker for line in lines}
    answered = {answer.id for answer in load.answers}
    deaths = len(upheaval.killed)
    balance = casino.balance(casino.log.read_bytes().splitlines())
    measured |= {
        "answers": len(load.answers),
        "in flight in killed workers": len(load.lost),
        "unlogged answers": len(answered - workers.keys()),
        "unanswered lines": len(workers.keys() - answered),
        "counted minus lines minus drops": balance,
        "increase()": increase,
        "counted": requests,
    }
    assert load.statuses.keys() == {200}
    assert [lost for lost in load.lost if not of_a_death(lost, upheaval, workers)] == []
    assert all(any(begun <= at <= over for begun, over in upheaval.times) for at in load.unconnected)
    # A worker does one thing at a time: killed in the middle of it, it leaves one answer, one line or one count too many.
    assert len(answered - workers.keys()) <= deaths
    assert {workers[each] for each in workers.keys() - answered} <= upheaval.killed
    assert len(workers.keys() - answered) <= len(load.lost)
    assert abs(balance) <= deaths
    assert increase == pytest.approx(requests, abs=1, rel=1e-4)
    assert [process.wait(20) for process in casino.started[:upgrades]] == [0] * upgrades
