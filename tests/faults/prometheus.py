"""A real Prometheus that scrapes one gateway every second."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlencode

from tests.ports import free_port
from tests.waiting import until

PROGRAM = shutil.which("prometheus")


class Prometheus:
    """Answers queries about everything scraped so far."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/query?"

    def query(self, query: str, **more: object) -> list[dict]:
        """Run an instant query and give what it found; nothing while it starts."""
        try:
            with urllib.request.urlopen(self._url + urlencode({"query": query, **more}), timeout=10) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.URLError:
            return []

    def number(self, query: str, **more: object) -> float | None:
        found = self.query(query, **more)
        return float(found[0]["value"][1]) if found else None

    def increase(self, name: str) -> float:
        """Give `increase()` from the first scrape to the last: between two samples it has nothing to guess."""
        times = [at for series in self.query(f"{name}[1h]") for at, _ in series["values"]]
        milliseconds = round((max(times) - min(times)) * 1000) + 1
        found = self.number(f"sum(increase({name}[{milliseconds}ms]))", time=max(times))
        assert found is not None
        return found


@contextmanager
def scraping(place, port: int):
    """Run one until it has seen the gateway whose control listens on `port`, and on."""
    own = free_port()
    (place / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f'scrape_configs: [{{job_name: casino, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]\n'
    )
    command = [PROGRAM, f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/tsdb"]
    with subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{own}", "--log.level=error"], env=os.environ | {"GOMAXPROCS": "1"}
    ) as process:
        try:
            prometheus = Prometheus(own)
            until(lambda: prometheus.query("gateway_requests_total"), seconds=40)
            yield prometheus
        finally:
            process.kill()
