"""A whole gateway, as `casino serve` runs it, and what it says of itself."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families as parse

from gateway.store.rundir import RunDir
from gateway.store.slot import Slot, Word
from tests.serve.running import ROOT, Gateway
from tests.waiting import until

STILL_NS = 300_000_000
"""A worker that has not beaten for so long is stopped, or gone."""


class Line(msgspec.Struct, frozen=True):
    """What identifies a line of the access log, and what it tells of a request."""

    id: str = msgspec.field(name="http.request.id")
    worker: str = msgspec.field(name="casino.worker")
    sequence: int = msgspec.field(name="casino.sequence")
    status: int = msgspec.field(name="http.response.status_code")
    generation: int = msgspec.field(name="casino.generation")
    timestamp: str = msgspec.field(name="@timestamp")
    target: str = msgspec.field(name="casino.upstream.target", default="")
    retries: int = msgspec.field(name="casino.retries", default=0)
    failure: str = msgspec.field(name="casino.failure", default="")


_DECODER = msgspec.json.Decoder(Line)


def reserve_port() -> socket.socket:
    """Keep a free port from all those who let the kernel choose; the gateway may listen there all the same."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


class Casino(Gateway):
    """One gateway, however often it is started; `write` gives it its spec."""

    def __init__(self, place) -> None:
        self.place = place
        self._reserved = [reserve_port(), reserve_port()]
        self.port, self.control_port = (each.getsockname()[1] for each in self._reserved)
        self.run = RunDir(place / "run")
        self.spec = place / "casino.yaml"
        self.log = place / "access.log"
        self.stderr = place / "stderr"
        self.started = []

    def write(self, spec: str) -> None:
        listen = f"listen: {{public: 127.0.0.1:{self.port}, control: 127.0.0.1:{self.control_port}}}\n"
        unnamed = self.place / "casino.new"
        unnamed.write_text("casino: 1\n" + listen + spec)
        unnamed.rename(self.spec)

    def launch(self, *options, stdout=subprocess.DEVNULL, **environ):
        with self.stderr.open("ab") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "casino", "serve", self.spec, "--run-dir", self.run.path, *options],
                stdout=stdout, stderr=stderr, cwd=ROOT, env=os.environ | environ,
            )  # fmt: skip
        self.started.append(process)
        return process

    def stop(self) -> None:
        super().stop()
        for each in self._reserved:
            each.close()
        for process in self.started:
            if process.stdout:
                process.stdout.close()

    def ask(self, port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def control(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        return self.ask(self.control_port, path, method)

    def metric(self, name: str, **labels: str) -> float:
        """Add up a counter or gauge over the series with these labels, the books of what has been answered closed."""
        self.turn()
        text = self.control("/metrics")[1].decode()
        return sum(
            sample.value
            for family in parse(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def turn(self) -> None:
        """Wait until the loops of the workers that turn at all have turned."""
        now = time.monotonic_ns()
        slots = [Slot.open(path) for build in self.run.builds() for path in build.slots() if "worker" in path.stem]
        beating = [slot for slot in slots if slot.words[Word.HEARTBEAT] > now - STILL_NS]
        until(lambda: all(s.words[Word.HEARTBEAT] > now for s in beating) or time.monotonic_ns() > now + STILL_NS)

    def access(self) -> list[Line]:
        """Every line of the access log so far; one that is just being written is seen the next time."""
        whole, _, _ = self.log.read_bytes().rpartition(b"\n")
        return [_DECODER.decode(line) for line in whole.splitlines()]

    def balance(self, lines: list[bytes]) -> float:
        """Answers counted, minus distinct lines, minus counted drops."""
        distinct = {(line.worker, line.sequence) for line in map(_DECODER.decode, lines)}
        counted, dropped = self.metric("gateway_responses_total"), self.metric("gateway_log_dropped_total")
        return counted - dropped - len(distinct)

    def is_written(self) -> bool:
        """No worker of the newest build has a line that waits for the writer."""
        slots = [self.slot(path.stem) for path in self.newest().slots()]
        return not any(slot.ring.waiting_bytes for slot in slots if slot.ring)

    def worker(self, number: int) -> str:
        """Name a worker as its log lines do."""
        return f"{self.newest().id}/{number}"

    def rss_bytes(self, name: str) -> int:
        pages = int(Path(f"/proc/{self.pid(name)}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it to a process and wait for its successor."""
        pid = self.pid(name)
        os.kill(pid, number)
        until(lambda: self.replaced(name, pid))

    def is_serving(self, name: str) -> bool:
        words = self.slot(name).words
        return bool(words[Word.GENERATION])
