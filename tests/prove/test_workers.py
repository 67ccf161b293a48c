"""What two workers share: connections, a machine that is too small, and a word that none of them answers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack

import pytest

from exporters.catalog.gateway import FAILURES, PROCESS_DEATHS, RESPONSES
from gateway.store.slot import Word
from tests.faults.load import Load, get
from tests.faults.upstreams import Upstream
from tests.proxy.wire import Client, unseen
from tests.serve.running import stopped
from tests.waiting import until

SPEC = """
workers: 2
log: {{to: {log}}}
upstreams: {{game: {{versions: {{v1: ["{url}"]}}}}}}
routes:
  all: {{match: /**, to: game}}
  here: {{match: /here, answer: {{status: 200, body: here}}}}
"""
WORKERS = ("worker-1", "worker-2")
CROWD, MOST_ROUNDS, MANY = 4_000, 10, 50


@pytest.fixture
def gateway(casino):
    with Upstream() as upstream:
        casino.write(SPEC.format(log=casino.log, url=upstream.url))
        casino.start()
        yield casino


@pytest.mark.proves("3.2 the busier of two workers takes at most 60 % of 64 connections")
def test_connections_are_shared_evenly(gateway, full, measured):
    rounds = 20 if full else 3
    busiest = []
    for _ in range(rounds):
        with Load(gateway.port, connections=64, request=get("/"), pause_seconds=0.01) as load:
            load.grows(640)
            held = [gateway.slot(name).words[Word.CONNECTIONS] for name in WORKERS]
        assert sum(held) == 64
        busiest.append(max(held) / 64)
        until(lambda: not any(gateway.slot(name).words[Word.CONNECTIONS] for name in WORKERS))
    measured["busier worker"] = f"{max(busiest):.0%}"
    assert max(busiest) <= 0.6


@pytest.mark.proves("3.2 health and control keep answering while more is offered than the machine can do")
@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load is not installed (Debian: nghttp2-client)")
def test_health_and_control_answer_while_the_workers_are_saturated(gateway, full, measured):
    seconds = 20 if full else 4
    slowest, answers = {}, 0
    url = f"http://127.0.0.1:{gateway.port}/here"
    with subprocess.Popen(
        ["h2load", "--h1", "-c2000", f"-D{seconds}", url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as load:
        until(lambda: gateway.slot("worker-1").words[Word.CONNECTIONS] > 500)
        while load.poll() is None:
            for port, path in (
                (gateway.port, "/.casino/health"),
                (gateway.control_port, "/ready"),
                (gateway.control_port, "/metrics"),
            ):
                begun = time.monotonic()
                status, _ = gateway.ask(port, path)
                assert status == 200
                slowest[path] = max(slowest.get(path, 0), time.monotonic() - begun)
                answers += 1
        done = load.stdout.read()
    measured |= {path: f"{took * 1e3:.0f} ms at most" for path, took in slowest.items()}
    measured["load"] = next(line for line in done.splitlines() if line.startswith("finished in"))
    assert answers > 3
    assert max(slowest.values()) < 3
    assert gateway.metric(f"{PROCESS_DEATHS.name}_total") == 0


def rush(gateway, turn):
    """Ask on many new connections while nobody accepts; say what both workers answer, and within how many seconds."""
    [supervisor] = gateway.started
    with ExitStack() as clients, stopped(supervisor.pid):
        with stopped(gateway.pid(WORKERS[0])), stopped(gateway.pid(WORKERS[1])):
            crowd = [
                Client(clients.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))).send(
                    unseen(turn * CROWD + number, "/here")
                )
                for number in range(CROWD)
            ]
        begun = time.monotonic()
        answers = [client.message() for client in crowd]
        took = time.monotonic() - begun
        gateway.turn()
    return answers, took


@pytest.mark.proves(
    "3.2 a queue of new connections that stands is served or refused by both workers, and each answer counted"
)
def test_a_queue_that_stands_is_answered_by_both_workers(gateway, measured):
    answers, slowest = [], 0.0
    for turn in range(MOST_ROUNDS):
        found, took = rush(gateway, turn)
        answers, slowest = answers + found, max(slowest, took)
        refused = sum(answer.status == 503 for answer in answers)
        if refused >= MANY:
            break
    measured |= {"connections": len(answers), "refused": refused, "answered within": f"{slowest:.2f} s"}
    assert {answer.status for answer in answers} == {200, 503}
    assert {answer.failure for answer in answers} == {None, "overload"}
    assert gateway.metric(f"{RESPONSES.name}_total", route="here") == len(answers)
    assert gateway.metric(f"{FAILURES.name}_total", route="here", failure="overload") == refused
    assert gateway.metric(f"{PROCESS_DEATHS.name}_total") == 0
    until(lambda: not any(gateway.slot(name).words[Word.CONNECTIONS] for name in WORKERS))
    until(lambda: len({line.worker for line in gateway.access()}) == len(WORKERS))


@pytest.mark.proves("3.4 a stopped worker is replaced: within 1 s on an idle machine, 3 s on a saturated one")
def test_a_stopped_worker_is_replaced(gateway, full, measured):
    took = []
    for name in WORKERS:
        begun = time.monotonic()
        gateway.kill(name, signal.SIGSTOP)
        took.append(time.monotonic() - begun)
        until(lambda name=name: gateway.is_serving(name))
    measured["replaced after"] = f"{max(took):.2f} s at most"
    assert max(took) < (1 if full else 3)  # a proof has the machine to itself


@pytest.mark.proves("3.4 /ready says no while no worker answers")
def test_ready_says_no_while_no_worker_answers(gateway):
    [supervisor] = gateway.started
    assert gateway.control("/ready")[0] == 200
    supervisor.send_signal(signal.SIGSTOP)
    for name in WORKERS:
        os.kill(gateway.pid(name), signal.SIGSTOP)
    until(lambda: gateway.control("/ready")[0] == 503)
    assert json.loads(gateway.control("/ready")[1])["reasons"] == ["no worker answers"]
    supervisor.send_signal(signal.SIGCONT)
    until(lambda: gateway.control("/ready")[0] == 200)
    assert gateway.ask(gateway.port, "/here") == (200, b"here")
