"""The stand-in for PagerDuty in a process of its own, and what tests ask of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "y_NbAkKc66ryYTWUXYEu"
OTHER_KEY = "f" * 32
FINE = {"summary": "dice fail", "source": "casino", "severity": "critical"}


class Running:
    """One stand-in that runs."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "alerts.pagerduty.standin", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.said = self.process.stdout.readline()
        self.url = self.said.split()[-1]
        self.http = httpx.Client(base_url=self.url, timeout=10)

    def clear(self) -> None:
        self.http.post("/standin/clear").raise_for_status()
        self.pace(scale=1)

    def send(self, **fields: object) -> httpx.Response:
        """Send an alert event; what is not said is a trigger that is fine."""
        return self.http.post("/v2/enqueue", json=event(**fields))

    def fail(self, *faults: dict[str, object]) -> None:
        """Put faults in force, instead of those that were."""
        self.http.put("/standin/faults", json=faults).raise_for_status()

    def pace(self, **pace: float) -> None:
        self.http.put("/standin/clock", json=pace).raise_for_status()

    def rest(
        self, method: str, path: str, body: object = None, sender: str = "ann@x.example", **params
    ) -> httpx.Response:
        """Call the REST API with a good token, in Ann's name."""
        headers = {"authorization": f"Token token={TOKEN}", "from": sender}
        return self.http.request(method, path, json=body, params=params, headers=headers)

    def make(self, one: str, **fields: object) -> dict:
        """Make an object of the REST API and return it."""
        many = "escalation_policies" if one == "escalation_policy" else f"{one}s"
        answer = self.rest("POST", f"/{many}", {one: {"type": one, **fields}})
        assert answer.status_code == 201, answer.text
        return answer.json()[one]

    def state(self) -> dict[str, float]:
        return self.http.get("/standin/state").raise_for_status().json()

    def timeline(self, **wanted: object) -> list[dict]:
        return self.http.get("/standin/timeline", params=wanted).raise_for_status().json()["entries"]

    def whats(self, **wanted: object) -> list[str]:
        """What happened besides calls, in order."""
        return [entry["what"] for entry in self.timeline(**wanted) if entry["what"] != "call"]


def event(payload: dict[str, object] | None = FINE, **fields: object) -> dict[str, object]:
    """Make an event: a trigger that is fine but for what is said. A field set to None is left out."""
    whole = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "roll", **fields}
    return _without({**whole, "payload": None if payload is None else _without({**FINE, **payload})})


def _without(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


@contextmanager
def running(*words: str) -> Iterator[Running]:
    standin = Running(*words)
    with standin.http, standin.process:
        try:
            yield standin
        finally:
            standin.process.kill()
