"""Control may be killed with SIGKILL at any moment; its successor goes on, and nobody ever reads half a document."""

import multiprocessing
import os
import random
import signal
import time

import msgspec

from gateway.control.main import main
from gateway.core.snapshot import ENDPOINTS, SNAPSHOT, Endpoints, Snapshot
from gateway.store.slot import Word
from tests.waiting import until

A, B = "http://127.0.0.1:7001", "http://127.0.0.1:7002"
SPEC = """
casino: 1
upstreams:
  dice:
    versions: {{v1: ["http://127.0.0.1:7001", "http://127.0.0.1:7002"]}}
    ejection: {{failures: 50%, requests: 10, for: 1h}}
    timeouts: {{first_byte: {}ms}}
routes:
  roll: {{match: "GET /roll/{{sides}}", to: dice}}
"""
KILLS = 12


def live(process):
    process.slot.own()
    main(process)


def fork(control):
    child = multiprocessing.get_context("fork").Process(target=live, args=(control.process,))
    child.start()
    return child


def test_kills_at_any_moment_lose_nothing_that_was_decided_or_counted(rig):
    control = rig(SPEC.format(1000))
    generation, edition = 1, 0
    child = fork(control)
    until(lambda: control.workers[0].snapshot)
    control.workers[0].calls(A, failure=10)
    until(lambda: control.ups() == {A: False, B: True})
    for number in range(KILLS):
        control.write_spec(SPEC.format(1001 + number))
        time.sleep(random.uniform(0, 0.7))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        snapshot = msgspec.msgpack.decode(control.build.documents.read(SNAPSHOT), type=Snapshot)
        endpoints = msgspec.msgpack.decode(control.build.documents.read(ENDPOINTS), type=Endpoints)
        assert snapshot.generation >= generation
        assert endpoints.edition >= edition
        assert control.ups()[A] is False
        generation, edition = snapshot.generation, endpoints.edition
        child = fork(control)
    until(
        lambda: control.workers[0].snapshot.spec.upstreams["dice"].timeouts.first_byte_seconds == (1000 + KILLS) / 1000
    )
    assert control.control.words[Word.GENERATION] >= 2
    counted = f'gateway_ejections_total{{target="{A}",upstream="dice",version="v1"}} 1.0'
    assert counted in control.ask("GET", "/metrics").body.decode().splitlines()
    os.kill(child.pid, signal.SIGKILL)
    child.join()
