"""The bridge in a process of its own, and what tests say to it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.alerts.pagerduty.running import KEY, OTHER_KEY, TOKEN
from tests.checkout import ROOT
from tests.ports import free_port
from tests.waiting import until

NOBODY = "http://127.0.0.1:1"
SPEC = """
casino: 1
upstreams: {{a: {{versions: {{v: ["http://127.0.0.1:7001"]}}}}}}
routes: {{a: {{match: /, to: a, team: games}}}}
listen: {{control: "{control}"}}
teams: {{games: {{contact: games@x.example, pages: games}}, tables: {{contact: x, pages: tables}}}}
pagerduty:
  keys: {{games: {{env: PD_GAMES}}, tables: {{env: PD_TABLES}}}}
  default: games
  per_minute: {per_minute}
  api_token: {{env: PD_TOKEN}}
alerts: {{alertmanagers: ["{alertmanager}"]}}
bridge: {{{bridge}}}
"""


class BridgeProcess:
    """One bridge: its folder, its port, and its process if it runs."""

    def __init__(
        self,
        folder: Path,
        events_url: str,
        *,
        alertmanager: str = NOBODY,
        per_minute: int = 100_000,
        bridge: str = "watchdog: 0s",
        port: int | None = None,
        control: str = "unix:/nowhere/control",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.spec = folder / "casino.yaml"
        self.spec.write_text(
            SPEC.format(per_minute=per_minute, alertmanager=alertmanager, bridge=bridge, control=control)
        )
        self.state = folder / "state"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "bridge.log"
        self.events_url = events_url
        self.environment = {**os.environ, "PD_GAMES": KEY, "PD_TABLES": OTHER_KEY, "PD_TOKEN": TOKEN}
        self.more: tuple[str, ...] = ()
        self.process: subprocess.Popen | None = None
        self.http = httpx.Client(base_url=self.url, timeout=10)

    def start(self, *before: str) -> "BridgeProcess":
        """Start it, perhaps by another program, and wait until it answers."""
        self.begin(*before)
        until(self.answers)
        return self

    def begin(self, *before: str) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "casino", "bridge", "serve", str(self.spec), "--state", str(self.state),
                 "--listen", f"127.0.0.1:{self.port}", "--events-url", self.events_url, *self.more],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log,
                start_new_session=True,  # a program before it may leave it behind: both are killed
            )  # fmt: skip

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with suppress(httpx.HTTPError):
            return self.http.get("/health").status_code == 200
        return False

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):  # all of it has ended
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0

    def tell(self, *alerts: dict) -> httpx.Response:
        """Post a webhook as Alertmanager does."""
        return self.http.post("/alertmanager", json=webhook(*alerts))

    def series(self, start: str) -> float:
        lines = self.http.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))

    def casino(self, *words: str) -> subprocess.CompletedProcess:
        """Run `casino bridge` beside it."""
        return subprocess.run(
            [sys.executable, "-m", "casino", "bridge", *words, "--state", str(self.state)],
            cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip


def webhook(*alerts: dict, **fields: object) -> dict:
    """Write a webhook whose own status is wrong on purpose: nobody may read it."""
    return {
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "resolved", "receiver": "pagerduty",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am", "alerts": list(alerts),
        **fields,
    }  # fmt: skip


def alert(name: str = "DiceFail", *, starts: float = 0.0, ends: float = 0.0, annotations: dict | None = None, **labels):
    """Make one alert of a webhook: it fires unless it ends."""
    return {
        "status": "resolved" if ends else "firing",
        "labels": {"alertname": name, "severity": "critical", "team": "games", **labels},
        "annotations": {"summary": "Dice fail.", "description": "All of them."} if annotations is None else annotations,
        "startsAt": stamp(starts or time.time()),
        "endsAt": stamp(ends) if ends else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "0123456789abcdef",
    }


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
