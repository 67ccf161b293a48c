"""Slow and broken peers on both sides: each gets its answer, costs little, and is noticed by nobody else."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from bench.machine import choose_cores, pinned
from bench.openloop import offer
from tests.faults.hostile import all_of, deaf, reading, talk
from tests.faults.kinds import CLIENTS, UPSTREAMS, spoiling
from tests.faults.load import Load, get
from tests.faults.upstreams import Upstream
from tests.games.conftest import running
from tests.proof import FULL
from tests.serve.running import ROOT
from tests.waiting import until

SPEC = """
workers: 1
bounds: {{head_time: 1s, body_time: 7s, idle: 2s}}
upstreams:
  game:
    versions: {{v1: ["{url}"]}}
    timeouts: {{first_byte: 1s, idle: 1s, total: 4s}}
  dice: {{versions: {{v1: ["{dice}"]}}}}
routes:
  all: {{match: /**, to: game}}
  roll: {{match: "GET /roll/{{sides}}", to: dice}}
  uploads: {{match: POST /hang, to: game, timeout: 30s}}
"""
MOST_GROWTH_BYTES = 32 * 1024 * 1024
RATE = 500


pytestmark = pytest.mark.xdist_group("peers")


@pytest.fixture(scope="module")
def gateway(shared):
    with spoiling() as upstream:
        shared.write(SPEC.format(url=upstream.url, dice=upstream.url))
        shared.start(stdout=subprocess.PIPE)
        with reading(shared.started[0].stdout):
            yield shared


@contextmanager
def unmoved(gateway, measured):
    """Others are served as ever meanwhile, and the worker keeps its size."""
    before = gateway.rss_bytes("worker-1")
    with Load(gateway.port, connections=4, request=get("/plain"), pause_seconds=0.01) as others:
        yield
        grown = gateway.rss_bytes("worker-1") - before
    measured |= {"grown bytes": grown, "others answered": len(others.answers)}
    assert grown <= MOST_GROWTH_BYTES
    assert others.statuses.keys() == {200}
    assert not others.lost


def outcomes(names, replies, count):
    """What each kind got, without doublets."""
    kinds = {name: replies[place * count : (place + 1) * count] for place, name in enumerate(names)}
    return {name: {(reply.status, reply.failure or reply.whole) for reply in got} for name, got in kinds.items()}


@pytest.mark.proves("3.5 slow and broken clients: the right status, bounded memory, others served")
def test_clients_that_do_it_wrong_are_answered_and_cost_little(gateway, full, measured):
    count = 50 if full else 5
    with unmoved(gateway, measured):
        replies = all_of(
            talk(gateway.port, pieces(), pause_seconds=pause_seconds)
            for pieces, pause_seconds, _ in CLIENTS.values()
            for _ in range(count)
        )
    assert outcomes(CLIENTS, replies, count) == {name: {expected} for name, (_, _, expected) in CLIENTS.items()}


@pytest.mark.proves("3.5 broken upstreams: the right status or an answer visibly cut, bounded memory, others served")
def test_upstreams_that_do_it_wrong_are_not_believed(gateway, full, measured):
    count = 50 if full else 5
    with unmoved(gateway, measured):
        replies = all_of(
            talk(gateway.port, [get(f"/{answer.__name__}", "Connection: close")])
            for answer in UPSTREAMS
            for _ in range(count)
        )
    assert outcomes(UPSTREAMS, replies, count) == {answer: {expected} for answer, expected in UPSTREAMS.items()}


@pytest.mark.proves("3.5 clients that do not read: bounded memory, cut off, others served")
def test_clients_that_read_nothing_hold_up_their_upstream_and_are_cut_off(gateway, full, measured):
    count = 200 if full else 20
    with unmoved(gateway, measured), deaf(gateway.port, get("/body_without_end"), count) as cut_off:
        assert until(lambda: cut_off() == count)


@pytest.mark.proves("3.5 10,000 requests in one packet: answered in order, bounded memory, others served")
def test_many_requests_in_one_packet_are_answered_in_order(gateway, full, measured):
    count = 10_000 if full else 1_000
    with unmoved(gateway, measured):
        [reply] = all_of([talk(gateway.port, [get("/plain") * (count - 1) + get("/plain", "Connection: close")])])
    assert reply.received.count(b"HTTP/1.1 200 ") == count


@pytest.mark.proves("3.5 a log reader that stops: no request waits or fails, memory is bounded, drops are counted")
def test_a_log_nobody_reads_delays_no_request_and_its_drops_are_counted(casino, full, measured):
    seconds = 30 if full else 5
    with Upstream() as upstream:
        casino.write(SPEC.format(url=upstream.url, dice=upstream.url) + "log: {ring: 256KiB}\n")
        process = casino.start(stdout=subprocess.PIPE)
        with reading(process.stdout) as log, unmoved(casino, measured):
            with log.stopped():
                end = time.monotonic() + seconds
                until(lambda: time.monotonic() > end, seconds=seconds + 1)
                until(lambda: casino.metric("gateway_log_dropped_total"))
            until(lambda: not casino.slot("worker-1").ring.waiting_bytes)
        with reading(process.stdout) as rest:
            until(lambda: casino.balance(log.lines + rest.lines) == 0)
    measured["dropped lines"] = dropped = casino.metric("gateway_log_dropped_total")
    assert dropped > 0


@pytest.mark.proves("3.5 the p99 of others grows by at most max(1 ms, 20 %) beside slow and broken peers")
@pytest.mark.timeout(300)
@pytest.mark.skipif(not FULL, reason="latency is judged at full size alone: make prove")
def test_others_do_not_notice_slow_and_broken_peers(casino, measured):
    cores = choose_cores()

    def p99_seconds():
        latency = offer(casino.port, "/roll/6", rate=RATE, seconds=6, connections=20, core=cores.load)
        assert latency.failed == 0
        return latency.times(200).p99_seconds

    pairs = []
    with pinned(cores.load), giving_way() as upstream, running("dice", "--version", "v1") as dice:
        casino.write(SPEC.format(url=upstream.stdout.readline().strip(), dice=dice.said.split()[-1]))
        with pinned(cores.product):
            casino.start()
        p99_seconds()
        for _ in range(6):
            without = p99_seconds()
            spoiled = casino.metric("gateway_failures_total")
            with giving_way(str(casino.port)):
                pairs.append((without, p99_seconds()))
            assert casino.metric("gateway_failures_total") > spoiled, "they gave way so far that they did nothing wrong"
    before, after = (min(each) for each in zip(*pairs, strict=True))  # what disturbs a measurement only adds to it
    measured |= {"requests/s": RATE, "p99 without": f"{before * 1e3:.2f} ms", "p99 with": f"{after * 1e3:.2f} ms"}
    assert after - before <= max(0.001, before / 5)


@contextmanager
def giving_way(*port):
    """The broken upstream or, with a port, every kind of broken client, in a process that runs when its core is free: the load
    generator and the service share it, and their delays would be taken for the gateway's.
    """
    command = [sys.executable, "-m", "tests.faults.kinds", *port]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
        try:
            yield process
        finally:
            process.kill()
