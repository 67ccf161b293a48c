"""A build without a supervisor and without real workers: control runs, the test plays everybody else."""

import asyncio
import http.client
import itertools
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from sanic import Sanic

from exporters.catalog.gateway import BREAKER_PROBES, UPSTREAM_REQUESTS
from gateway.control.main import serve
from gateway.control.resolve import Names
from gateway.core.keyset import KEYSETS, KeySets
from gateway.core.snapshot import ENDPOINTS, SNAPSHOT, Endpoints, Snapshot, digest
from gateway.spec.load import load
from gateway.store.limits import LimitTable
from gateway.store.process import Phase, Process
from gateway.store.rundir import RunDir
from gateway.store.slot import Slot, Word
from tests.control.guarded import Place
from tests.waiting import until

DEADLINE_SECONDS = 10

A, B = "http://127.0.0.1:7001", "http://127.0.0.1:7002"
SPEC = """
casino: 1
upstreams:
  dice: {versions: {v1: ["http://127.0.0.1:7001", "http://127.0.0.1:7002"]}}
routes:
  roll: {match: "GET /roll/{sides}", to: dice}
"""

Sanic.test_mode = True  # several apps in one process, one after the other


class FakeWorker:
    """A worker that only beats, reads documents and counts what the test tells it."""

    def __init__(self, slot: Slot, build: Any, control: Slot) -> None:
        self.slot = slot
        self.stopped = False
        self.snapshot: Snapshot | None = None
        self.endpoints: Endpoints | None = None
        self.key_sets = KeySets(edition=0, sets={})
        self.history: list[tuple[int, Endpoints]] = []
        """Generation applied at the time, and each edition as it was taken up."""
        self._documents = build.documents
        self._control = control

    def turn(self) -> None:
        if self.stopped:
            return
        self.slot.beat()
        words, told = self.slot.words, self._control.words
        if told[Word.EDITION] > words[Word.EDITION] and (data := self._documents.read(ENDPOINTS)):
            self.endpoints = msgspec.msgpack.decode(data, type=Endpoints)
            self.history.append((words[Word.GENERATION], self.endpoints))
            words[Word.EDITION] = self.endpoints.edition
        if told[Word.KEYSETS] > words[Word.KEYSETS] and (data := self._documents.read(KEYSETS)):
            self.key_sets = msgspec.msgpack.decode(data, type=KeySets)
            words[Word.KEYSETS] = self.key_sets.edition
        if told[Word.GENERATION] > words[Word.GENERATION] and (data := self._documents.read(SNAPSHOT)):
            self.snapshot = msgspec.msgpack.decode(data, type=Snapshot)
            words[Word.DIGEST] = int(self.snapshot.digest, 16)
            words[Word.GENERATION] = self.snapshot.generation

    def calls(self, target: str, *, success: int = 0, failure: int = 0, upstream: str = "dice") -> None:
        self.slot.tally.add(UPSTREAM_REQUESTS, (upstream, "v1", target, "success"), success)
        self.slot.tally.add(UPSTREAM_REQUESTS, (upstream, "v1", target, "failure"), failure)

    def probe(self, outcome: str, upstream: str) -> None:
        self.slot.tally.add(BREAKER_PROBES, (upstream, "v1", "started"))
        self.slot.tally.add(BREAKER_PROBES, (upstream, "v1", outcome))


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Rig:
    """One build in a run directory, with control started and stopped at will."""

    def __init__(self, path: Path, spec: str, *, workers: int = 2, series: int = 2000, old_build: bool = False) -> None:
        self.spec_path = path / "casino.yaml"
        self.spec_path.write_text(spec)
        self.run = RunDir.prepare(path / "run")
        self._held = [self.run.new_build()[1] for _ in range(old_build)]
        self.build, held = self.run.new_build()
        self._held.append(held)
        loaded = load(self.spec_path).spec
        first = Snapshot(generation=1, digest=digest(loaded), spec=loaded)
        self.build.documents.write(SNAPSHOT, msgspec.msgpack.encode(first))
        slots = {
            name: Slot.create(self.build.slot(name), series=series)
            for name in ("supervisor", "control", *(f"worker-{number + 1}" for number in range(workers)))
        }
        LimitTable.create(self.build.limits, workers=workers)
        self.supervisor, self.control = slots.pop("supervisor"), slots.pop("control")
        for slot in (self.supervisor, *slots.values()):
            slot.own()
        self.workers = [FakeWorker(slot, self.build, self.control) for slot in slots.values()]
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.process = Process(
            name="control",
            number=0,
            build=self.build,
            run=self.run,
            slot=self.control,
            supervisor=self.supervisor,
            control=self.control,
            workers=tuple(slot.path for slot in slots.values()),
            listeners=(),
            control_socket=self.socket,
            spec_path=self.spec_path,
            stage=None,
        )
        self._names = Names()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._crew = threading.Thread(target=self._turn, daemon=True)
        self._crew.start()

    def start(self, names: Names | None = None) -> "Rig":
        """Start control, and wait until it beats."""
        self.supervisor.words[Word.PHASE] = Phase.SERVING
        self.control.own()
        self._names = names or self._names
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        until(lambda: self.control.words[Word.HEARTBEAT] != self.control.words[Word.STARTED])
        return self

    def stop(self) -> None:
        """Stop control the clean way."""
        self.supervisor.words[Word.PHASE] = Phase.STOP
        if self._thread:
            self._thread.join(DEADLINE_SECONDS)
            assert not self._thread.is_alive()
            self._thread = None

    def close(self) -> None:
        self.stop()
        self._over.set()
        self._crew.join()
        self.socket.close()
        for held in self._held:
            os.close(held.descriptor)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)) as connection:
            connection.request(method, path, headers=headers or {})
            return Answer(connection.getresponse())

    def settle(self) -> "Rig":
        """Wait until it is ready and has looked at the spec's file for the first time: the next change is the test's."""
        until(lambda: self.ask("GET", "/ready").status == 200)
        until(lambda: self.ask("GET", "/config").json["last_reload"])
        return self

    def endpoints(self) -> Endpoints:
        return msgspec.msgpack.decode(self.build.documents.read(ENDPOINTS), type=Endpoints)

    def ups(self) -> dict[str, bool]:
        """Whether each target of dice is up, by the published document."""
        return {one.target: one.up for one in self.endpoints().versions["dice", "v1"].endpoints}

    def write_spec(self, text: str) -> None:
        unnamed = self.spec_path.with_suffix(".new")
        unnamed.write_text(text)
        unnamed.replace(self.spec_path)

    def _serve(self) -> None:
        socket_of_its_own = self.socket.dup()
        process = msgspec.structs.replace(self.process, control_socket=socket_of_its_own)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(process, self._names))
        with suppress(OSError):
            socket_of_its_own.close()

    def _turn(self) -> None:
        while not self._over.is_set():
            for worker in self.workers:
                worker.turn()
            self._over.wait(0.01)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Make builds that are closed at the end of the test."""
    made: list[Rig] = []

    def make(spec: str, **settings: Any) -> Rig:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Rig(folder, spec, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def control(rig: Callable[..., Rig]) -> Rig:
    """A ready one, for tests that need nothing special."""
    started = rig(SPEC).start()
    until(lambda: started.ask("GET", "/ready").status == 200)
    return started


@pytest.fixture
def place(rig, tmp_path) -> Place:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return Place(rig, SPEC, folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Place]:
    """A place for tests that change nothing; each call comes from another address, so that none is called too often."""
    made = []

    def make(spec: str) -> Rig:
        made.append(Rig(tmp_path_factory.mktemp("shared"), spec))
        return made[-1]

    sources = (f"127.1.{n >> 7}.{n % 128 + 1}" for n in itertools.count())
    yield Place(make, SPEC, tmp_path_factory.mktemp("secrets"), sources)
    made[0].close()
