"""A real supervisor and its processes, and those who look at them from outside."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from exporters.catalog.gateway import LOG_DROPPED, PROCESS_DEATHS, RESPONSES
from gateway.store.rundir import RunDir
from gateway.store.slot import Slot, Word
from tests.ports import free_port
from tests.waiting import until

PROGRAM = Path(__file__).with_name("fake_gateway.py")
ROOT = Path(__file__).parents[2]
WORKERS = 2
START_SECONDS = 60
"""Six processes begin at once: on a machine that others keep busy that alone takes longer than `until` waits."""
KINDS = ("worker-1", "control", "writer")

SPEC = """
casino: 1
workers: {workers}
listen: {{public: {public}, control: "unix:{control}"}}
drain: {{grace: {grace}, deadline: 5s}}
log: {{to: {log}, ring: 256KiB}}
metrics: {{series: 300}}
upstreams: {{dice: {{versions: {{v1: ["http://127.0.0.1:1"]}}}}}}
routes: {{roll: {{match: GET /roll, to: dice}}}}
"""


class Gateway:
    """A place where one gateway runs, however often it is started."""

    def __init__(self, place):
        self.place = place
        self.port = free_port()
        self.run = RunDir(place / "run")
        self.spec = place / "casino.yaml"
        self.log = place / "access.log"
        self.stderr = place / "stderr"
        self.started = []
        self.write_spec()

    def write_spec(self, **changed):
        control = self.place / "control.sock"
        settings = {"workers": WORKERS, "public": f'["127.0.0.1:{self.port}"]', "control": control, "grace": "0s"}
        self.spec.write_text(SPEC.format(**settings | {"log": self.log} | changed))

    def words(self, *options):
        return [sys.executable, PROGRAM, self.spec, self.run.path, *options]

    def launch(self, *options, stdout=subprocess.DEVNULL, **environ):
        with self.stderr.open("ab") as stderr:
            process = subprocess.Popen(
                self.words(*options),
                stdout=stdout, stderr=stderr, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)} | environ,
            )  # fmt: skip
        self.started.append(process)
        return process

    def start(self, *options, **settings):
        before = len(self.events("ready"))
        process = self.launch(*options, **settings)
        until(lambda: len(self.events("ready")) > before or process.poll() is not None, seconds=START_SECONDS)
        assert process.poll() is None, self.stderr.read_text()
        return process

    def events(self, action=None):
        lines = self.stderr.read_text().splitlines() if self.stderr.exists() else []
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if action in {None, event["event.action"]}]

    def newest(self):
        return self.run.builds()[-1]

    def slot(self, name, build=None):
        return Slot.open((build or self.newest()).slot(name))

    def pid(self, name):
        return self.slot(name).words[Word.PID]

    def replaced(self, name, pid):
        """Return the pid of the successor once it turns its loop."""
        words = self.slot(name).words
        return words[Word.PID] not in {0, pid} and words[Word.HEARTBEAT] > words[Word.STARTED] and words[Word.PID]

    def misdeed(self, name, deed):
        unnamed = self.place / "misdeed.new"
        unnamed.write_text(f"{name} {deed}")
        unnamed.rename(self.place / "misdeed")

    def get(self, timeout=5):
        """Return build, worker and pid that answered on a new connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            return ask(connection)

    def totals(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.place / "control.sock"))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return {(name, *labels.values()): value for name, labels, value in json.loads(answer)}

    def total(self, metric, *labels):
        return sum(value for key, value in self.totals().items() if key[: 1 + len(labels)] == (metric.name, *labels))

    def deaths(self, name, reason):
        return self.total(PROCESS_DEATHS, name, reason)

    def lines(self):
        """Count every line of the access log by what makes it unique."""
        whole, _, _ = (self.log.read_text() if self.log.exists() else "").rpartition("\n")  # one may just be written
        found = [json.loads(line) for line in whole.splitlines()]
        return Counter((line["build"], line["worker"], line["sequence"]) for line in found)

    def balance(self):
        """Answers counted, minus distinct lines, minus counted drops."""
        totals = self.totals()
        counted = sum(value for key, value in totals.items() if key[0] == RESPONSES.name)
        dropped = sum(value for key, value in totals.items() if key[0] == LOG_DROPPED.name)
        return counted - len(self.lines()) - dropped

    def stop(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


def ask(connection, *, close=True):
    connection.sendall(b"GET /roll HTTP/1.1\r\nHost: a\r\n" + (b"Connection: close\r\n\r\n" if close else b"\r\n"))
    answer = b""
    while b"\r\n\r\n" not in answer:
        received = connection.recv(65536)
        if not received:
            raise ConnectionResetError("no answer")
        answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    while len(body) < int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]):
        body += connection.recv(65536)
    ask.closes = b"Connection: close" in head
    build, worker, pid = body.decode().split()
    return build, worker, int(pid)


class Load:
    """Clients that ask again and again, each on a new connection."""

    def __init__(self, gateway, clients=2):
        self.gateway = gateway
        self.answers = Counter()
        self.failures = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        until(lambda: sum(self.answers.values()) > 10)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def grows(self, by=50):
        """Wait until so many more are answered."""
        before = sum(self.answers.values())
        until(lambda: sum(self.answers.values()) >= before + by)

    def _ask(self):
        while not self._stop.is_set():
            try:
                self.answers[self.gateway.get(timeout=10)] += 1
            except OSError as failure:
                self.failures.append(repr(failure))


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
