"""A real Alertmanager, and what tests ask of it."""

import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.alerts.pagerduty.bridges import stamp
from tests.ports import free_port
from tests.waiting import until

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
needs_alertmanager = pytest.mark.skipif(PROGRAM is None, reason="prometheus-alertmanager is not installed")
CONFIG = """
route: {{receiver: pagerduty, group_by: [alertname], group_wait: 10ms, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: pagerduty, webhook_configs: [{hooks}]}}]
"""
HOOK = '{{url: "{url}/alertmanager", send_resolved: true, max_alerts: 0}}'


class Alertmanager:
    """One process."""

    def __init__(self, folder: Path, *bridges: str, config: str | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "alertmanager.yml"
        self.config.write_text(config or CONFIG.format(hooks=", ".join(HOOK.format(url=url) for url in bridges)))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=10)
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [PROGRAM, f"--config.file={self.config}", f"--storage.path={self.folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=", "--log.level=error"],
                stdout=log, stderr=log,
            )  # fmt: skip
        until(self.answers)

    def answers(self) -> bool:
        try:
            return self.http.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        self.http.close()

    def post(self, *alerts: dict) -> None:
        self.http.post("/api/v2/alerts", json=alerts).raise_for_status()


def fires(name: str, *, starts: float = 0.0, ends: float = 0.0, **labels: str) -> dict:
    """Make an alert as Prometheus posts it; it fires until `ends`, or for an hour."""
    starts = starts or time.time()
    return {
        "labels": {"alertname": name, "severity": "critical", "team": "games", **labels},
        "annotations": {"summary": "Dice fail.", "description": "All of them."},
        "startsAt": stamp(starts),
        "endsAt": stamp(ends or time.time() + 3600),
        "generatorURL": "http://prometheus/graph",
    }
