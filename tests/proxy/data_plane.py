"""One worker of a gateway and all that surrounds it: the test is supervisor, control and writer."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from exporters.catalog.gateway import IN_FLIGHT, UPSTREAM_CONNECTIONS, UPSTREAM_IN_FLIGHT, UPSTREAM_WAITING
from exporters.catalog.metric import Metric
from gateway.core.snapshot import ENDPOINTS, SNAPSHOT, Endpoints, Snapshot, VersionState, digest
from gateway.spec.listen import Listener
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.store.limits import LimitTable
from gateway.store.process import Phase, Process
from gateway.store.rundir import RunDir
from gateway.store.slot import Slot, Word
from gateway.store.totals import Totals
from tests.checkout import ROOT
from tests.proxy.wire import Client, Upstream
from tests.totals import read_totals
from tests.waiting import until

HELD = (IN_FLIGHT, UPSTREAM_IN_FLIGHT, UPSTREAM_CONNECTIONS, UPSTREAM_WAITING)
TRUSTED = "127.0.0.2"
"""A client that calls from here is a trusted proxy."""
SPEC = """
casino: 1
{top}
listen: {{public: {public}, control: 127.0.0.1:9080, trusted: [127.0.0.2]}}
bounds: {bounds}
metrics: {metrics}
upstreams:
  game:
    versions: {{v1: [http://127.0.0.1:{port}{more}]}}
    timeouts: {timeouts}
    connections: {connections}
    {policies}
routes:
{rest}
{routes}
"""
ROUTES = """
  socket: {match: /socket/**, to: game, upgrades: [websocket, echo]}
  only-get: {match: GET /only-get, answer: {status: 200, body: got}}
  static: {match: /static, answer: {status: 203, headers: {X-Kind: static}, body: hello}}
  empty: {match: /empty, answer: {status: 204}}
  small: {match: /small, to: game, body: 100B}
  broken: {match: /maintenance, answer: {status: 503, headers: {Retry-After: "60"}, body: soon, maintenance: true}}
  rewritten: {match: "/old/{name}", to: game, rewrite: {path: "/new/{name}"}}
  stripped: {match: /api/**, to: game, rewrite: {strip_prefix: /api}}
  ruled:
    match: /ruled
    to: game
    headers: {request: {set: {X-Identity: gateway}, remove: [X-Gone]}, response: {set: {X-Answer: set}}}
"""
PARTS = {
    "top": "",
    "public": "127.0.0.1:8080",
    "bounds": "{}",
    "metrics": "{series: 20000}",
    "more": "",
    "timeouts": "{connect: 10s, first_byte: 30s, idle: 30s, total: 60s}",
    "connections": "{}",
    "policies": "",
    "routes": ROUTES,
    "rest": "  all: {match: /**, to: game, body: 1MB}",
}
_IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h: the port is found when the other end is known, which is quick however many are in use."""


class Surroundings:
    """What a worker finds when it starts: slots, documents, a run directory."""

    def __init__(self, place: Path, port: int) -> None:
        self._port = port
        self.spec_path = place / "casino.yaml"
        self.run = RunDir.prepare(place / "run")
        self.build, self._held = self.run.new_build()
        self._no_socket = socket.socket()
        self.supervisor = Slot.create(self.build.slot("supervisor"), series=10)
        self.control = Slot.create(self.build.slot("control"), series=10)
        self.worker = Slot.create(self.build.slot("worker-1"), series=40_000, ring_bytes=1 << 20, debits_bytes=1 << 16)
        LimitTable.create(self.build.limits, workers=1)
        self.supervisor.words[Word.PHASE] = Phase.SERVING
        self.apply(wait=False)

    def apply(self, *, wait: bool = True, **parts: object) -> None:
        """Serve another spec from now on; `parts` replace those of `PARTS`."""
        self.publish(self.spec(**parts), wait=wait)

    def spec(self, **parts: object) -> Spec:
        """Write a spec and load it."""
        self.spec_path.write_text(SPEC.format(**{"port": self._port} | PARTS | parts))
        return load(self.spec_path, None).spec

    def publish(self, spec: Spec, *, wait: bool = True) -> None:
        """Let the worker serve a spec, be it such as only a bug would let through."""
        generation = self.control.words[Word.GENERATION] + 1
        snapshot = Snapshot(generation=generation, digest=digest(spec), spec=spec)
        self.build.documents.write(SNAPSHOT, msgspec.msgpack.encode(snapshot))
        self.control.words[Word.GENERATION] = generation
        if wait:
            until(lambda: self.worker.words[Word.GENERATION] == generation)

    def process(self, *listeners: tuple[Listener, socket.socket]) -> Process:
        """What the supervisor would hand to the worker."""
        return Process(
            name="worker-1",
            number=1,
            build=self.build,
            run=self.run,
            slot=self.worker,
            supervisor=self.supervisor,
            control=self.control,
            workers=(self.worker.path,),
            listeners=listeners,
            control_socket=self._no_socket,
            spec_path=self.spec_path,
            stage=None,
        )

    def release(self) -> None:
        self._no_socket.close()
        self._held.release()


class Gateway(Surroundings):
    """The worker in a process of its own."""

    def __init__(self, place: Path, upstream: Upstream, **more: Listener) -> None:
        """`more` are further listeners, by name."""
        super().__init__(place, upstream.port)
        self.upstream = upstream
        self._listeners = {
            "": socket.create_server(("127.0.0.1", 0), backlog=4096),
            "dual": socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True),
            "proxy": socket.create_server(("127.0.0.1", 0), backlog=4096),
            "unix": _unix_server(place / "unix.sock"),
            **{name: socket.create_server(("127.0.0.1", 0), backlog=512) for name in more},
        }
        self._kinds = {"proxy": Listener(address="127.0.0.1:0", proxy_protocol=True), **more}
        self.unix = str(place / "unix.sock")
        self._stderr = place / "stderr"
        self._process = self._launch()
        until(lambda: self.worker.words[Word.GENERATION] or self._process.poll() is not None)
        assert self._process.poll() is None, self.complaints()

    def _launch(self) -> subprocess.Popen[bytes]:
        plain = Listener(address="127.0.0.1:0")
        numbers = [
            f"{each.fileno()}={msgspec.json.encode(self._kinds.get(name, plain)).decode()}"
            for name, each in self._listeners.items()
        ]
        with self._stderr.open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.proxy.worker_process", self.run.path, self.build.id, *numbers],
                stderr=stderr, cwd=ROOT,
                pass_fds=[each.fileno() for each in self._listeners.values()],
            )  # fmt: skip

    # ---- what control and supervisor would do

    def tell(self, **states: VersionState) -> None:
        """Publish what control knows of the versions of `game`."""
        edition = self.edition
        versions = {("game", version): state for version, state in states.items()}
        self.build.documents.write(ENDPOINTS, msgspec.msgpack.encode(Endpoints(edition=edition, versions=versions)))
        self.control.words[Word.EDITION] = edition
        until(lambda: self.worker.words[Word.EDITION] == edition)

    @property
    def edition(self) -> int:
        """The number of the next one told."""
        return self.control.words[Word.EDITION] + 1

    def phase(self, phase: Phase) -> None:
        """Change the build's phase, and wait until the worker has seen it."""
        self.supervisor.words[Word.PHASE] = phase
        for _ in range(2):
            self.turn()

    def turn(self) -> None:
        """Wait until the worker's loop has turned: the books of what has been answered are closed."""
        now = time.monotonic_ns()
        until(lambda: self.worker.words[Word.HEARTBEAT] > now or self.has_ended())

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @contextmanager
    def still(self) -> Iterator[None]:
        """Stop the worker: what is sent meanwhile it finds all at once, in the order it came."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: self._fields()[0] == "T")
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for each in self._listeners.values():
            each.close()
        self.release()

    # ---- clients

    def connect(self, listener: str = "", source: str = "127.0.0.1") -> Client:
        if listener == "unix":
            connected = socket.socket(socket.AF_UNIX)
            connected.connect(self.unix)
            return Client(connected)
        connected = socket.socket()
        connected.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        connected.bind((source, 0))
        connected.connect(("127.0.0.1", self._listeners[listener].getsockname()[1]))
        return Client(connected)

    # ---- what it says of itself

    def totals(self) -> Totals:
        self.turn()
        return read_totals([Slot.open(self.worker.path)])

    def total(self, metric: Metric, **labels: str) -> int:
        return amount(self.totals(), metric, **labels)

    @property
    def connections(self) -> int:
        return self.worker.words[Word.CONNECTIONS]

    def held(self) -> dict[str, int]:
        """What the worker holds open, by the name of the gauge."""
        totals = self.totals()
        held = {metric.name: amount(totals, metric) for metric in HELD} | {"connections": self.connections}
        return {name: count for name, count in held.items() if count}

    def lines(self) -> list[dict[str, object]]:
        """Take the access-log lines written since the last time."""
        self.turn()
        ring = Slot.open(self.worker.path, writable=True).ring
        taken = ring.peek(1 << 20)
        ring.advance(len(taken))
        return [json.loads(line) for line in taken.splitlines()]

    def line(self) -> dict[str, object]:
        """Wait for the next access-log line, which must be the only one."""
        (line,) = until(self.lines)
        return line

    def complaints(self) -> str:
        return self._stderr.read_text()

    def cpu_seconds(self) -> float:
        """CPU time of the worker since its start."""
        fields = self._fields()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _fields(self) -> list[str]:
        """What the kernel says of the process, from its state on: proc(5)."""
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()

    def memory_bytes(self) -> int:
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def amount(totals: Totals, metric: Metric, **labels: str) -> int:
    """Add up what a metric counted, in the series that have these labels."""
    return sum(
        value
        for (name, pairs), value in (totals.counters | totals.gauges).items()
        if name == metric.name and labels.items() <= dict(pairs).items()
    )


def _unix_server(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    return listening
