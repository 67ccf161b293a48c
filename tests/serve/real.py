"""The whole gateway as a user starts it, in front of a real game, and clients that keep it busy."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from gateway.store.slot import Word
from tests.serve.running import ROOT, Gateway, free_port, until

SPEC = """
casino: 1
workers: 2
listen: {{public: "127.0.0.1:{port}", control: "127.0.0.1:{control}"}}
drain: {{grace: 0s, deadline: 10s}}
log: {{to: {log}}}
upstreams: {{dice: {{versions: {{v1: ["{dice}"]}}, timeouts: {{total: {total}s}}}}}}
routes: {{roll: {{match: "GET /roll/{{sides}}", to: dice}}}}
"""
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)", re.MULTILINE)


class RealGateway(Gateway):
    """`casino serve` with two workers, and one game behind it."""

    command = ("-m", "casino", "serve")

    def __init__(self, place):
        self.control = free_port()
        self.game = subprocess.Popen(
            [sys.executable, "-m", "casino.games", "dice", "--version", "v1", "--port", "0"],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self.dice = self.game.stdout.readline().split()[-1]
        self.reloads = 0
        super().__init__(place)

    def write_spec(self):
        settings = {"port": self.port, "control": self.control, "log": self.log, "dice": self.dice}
        unnamed = self.place / "casino.new"
        unnamed.write_text(SPEC.format(total=5 + self.reloads, **settings))
        unnamed.rename(self.spec)

    def words(self, *options):
        return [sys.executable, *self.command, self.spec, "--run-dir", self.run.path, *options]

    def reload(self):
        """Change the spec on disk, and wait until every worker has applied it."""
        before = self.slot("control").words[Word.GENERATION]
        self.reloads += 1
        self.write_spec()
        workers = [self.slot(f"worker-{number}").words for number in (1, 2)]
        until(lambda: all(words[Word.GENERATION] > before for words in workers))

    def totals(self):
        with urlopen(f"http://127.0.0.1:{self.control}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        totals = Counter()
        for name, _, value in SAMPLE.findall(text):
            totals[name.removesuffix("_total"),] += float(value)
        return totals

    def lines(self):
        text = self.log.read_text()
        assert text.endswith("\n")
        found = map(json.loads, text.splitlines())
        return Counter((line["casino.worker"], line["casino.sequence"]) for line in found)

    def stop(self):
        super().stop()
        self.game.kill()
        self.game.communicate()


def connections(pid, port):
    """Count the client connections a process holds, by what the kernel says."""
    links = [str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()]
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {f"socket:[{row[9]}]" for row in table if row[1].endswith(f":{port:04X}")}
    return len(ours.intersection(links)) - 1  # the listener


class Clients:
    """Connections that ask again and again, together at most `rate` times a second."""

    def __init__(self, port, connections, rate=1_000):
        self._port = port
        self._connections = connections
        self._pause_seconds = connections / rate
        self._stopped = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.answered = 0
        self.shed = 0
        self.failures = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped = True
        self._thread.join()

    async def _run(self):
        await asyncio.gather(*(self._client() for _ in range(self._connections)))

    async def _client(self):
        while not self._stopped:
            try:
                await asyncio.wait_for(self._connection(), timeout=300)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as failure:
                self.failures.append((time.monotonic(), repr(failure)))

    async def _connection(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            closes = False
            while not closes and not self._stopped:
                closes = await self._ask(reader, writer)
                await asyncio.sleep(self._pause_seconds)
        finally:
            writer.close()

    async def _ask(self, reader, writer):
        writer.write(b"GET /roll/6 HTTP/1.1\r\nHost: casino.example\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head)[1])
        body = await reader.readexactly(length)
        if head.startswith(b"HTTP/1.1 200"):
            self.answered += 1
        elif b"Casino-Failure: overload" in head or b"casino-failure: overload" in head:
            self.shed += 1
        else:
            self.failures.append((time.monotonic(), (head.partition(b"\r\n")[0] + body).decode()))
        return b"connection: close" in head.lower()


class Prometheus:
    """A real one, which scrapes the gateway every second."""

    def __init__(self, place, target):
        self._port = free_port()
        (place / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\n"
            f'scrape_configs: [{{job_name: casino, static_configs: [{{targets: ["{target}"]}}]}}]\n'
        )
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/tsdb",
             f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=error"],
            env=os.environ | {"GOMAXPROCS": "1"},
        )  # fmt: skip

    def ask(self, query):
        """Return the value of a query that gives one number; None while there is none."""
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/api/v1/query?query={quote(query)}", timeout=10) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return None
        return float(found[0]["value"][1]) if found else None

    def stop(self):
        self.process.kill()
        self.process.wait()
