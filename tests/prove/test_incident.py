"""Dice that fail page somebody in time; nobody answers, and the next level is told; they are healed, and it ends."""

import shutil
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest

from tests.proof import FULL
from tests.up.running import Running, running
from tests.waiting import until

PER_SECOND = 20.0
ROLLS_PER_SECOND = PER_SECOND * 3 / 7
"""Three of the seven requests of casino.load are for the route `roll`."""
ALERT = "GatewayErrorBudgetBurn"
CLOSED_FORM_SECONDS = 14.4 * 0.001 * 3600
"""100 % of errors fill 1.44 % of an hour of which the rest was fine."""
WAY_SECONDS, FRESH_SECONDS, END_SECONDS = 30.0, 90.0, 390.0
HISTORY_SECONDS, SCRAPE_SECONDS = 7200, 15

pytestmark = [
    pytest.mark.skipif(not FULL, reason="takes ten minutes: make prove"),
    pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed"),
    pytest.mark.skipif(not shutil.which("prometheus-alertmanager"), reason="prometheus-alertmanager is not installed"),
    pytest.mark.timeout(1200),
]


class Stack:
    """The local stack, its games and its pager."""

    def __init__(self, up: Running) -> None:
        self.up = up
        self.pager = httpx.Client(base_url=up.place("incidents"), timeout=10)
        self.prometheus = httpx.Client(base_url=up.place("prometheus").removesuffix("/alerts"), timeout=10)

    def switch(self, **switches: str) -> float:
        """Turn the switches of all dice; return when that was done."""
        for dice in (*self.up.places("dice v1"), *self.up.places("dice v2")):
            httpx.put(f"{dice}/switches", json=switches).raise_for_status()
        return time.time()

    def when(self, what: str, tier: str) -> float | None:
        """Return when something became of an alert's incident."""
        keys = {each["dedup_key"] for each in self._entries("call") if is_about(each, tier)}
        return next((each["wall"] for each in self._entries(what) if each.get("dedup_key") in keys), None)

    def _entries(self, what: str) -> list[dict]:
        return self.pager.get("/standin/timeline", params={"what": what}).raise_for_status().json()["entries"]

    def asked(self, query: str) -> float:
        found = self.prometheus.get("/api/v1/query", params={"query": query}).json()["data"]["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def remember(self, began: float) -> None:
        """Give Prometheus two hours in which everything was fine, up to a moment."""
        folder = self.up.folder / "prometheus"
        series = self.prometheus.get(
            "/api/v1/series", params={"match[]": 'gateway_requests_total{route="roll"}'}
        ).json()
        (folder / "history").write_text(history(series["data"], began))
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history", "data"],
            cwd=folder, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        hour = 'sum(increase(gateway_requests_total{route="roll",class="2xx"}[1h]))'
        until(lambda: self.asked(hour) > 0.97 * ROLLS_PER_SECOND * 3600, seconds=150, look_seconds=1)


def is_about(call: dict, tier: str) -> bool:
    details = call["body"].get("payload", {}).get("custom_details", {})
    labels = details.get("labels", details)
    return labels.get("alertname") == ALERT and labels.get("tier") == tier


def history(series: list[dict[str, str]], end: float) -> str:
    """Write down what Prometheus would have seen of the route: every request was answered well."""
    lines = ["# TYPE gateway_requests counter"]
    for labels in series:
        share = {"v1": 0.9, "v2": 0.1}.get(labels["arm"], 0.0) if labels["class"] == "2xx" else 0.0
        share *= labels["source"] == "upstream"
        named = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
        for ago in range(HISTORY_SECONDS, 0, -SCRAPE_SECONDS):
            count = share * ROLLS_PER_SECOND * (HISTORY_SECONDS - ago)
            lines.append(f"gateway_requests_total{{{named}}} {count:.3f} {end - ago:.3f}")
    return "\n".join([*lines, "# EOF", ""])


@contextmanager
def stack(folder):
    with running(folder, "--load", str(PER_SECOND)) as up:
        played = Stack(up)
        with played.pager, played.prometheus:
            yield played


@pytest.mark.proves(
    "5.1 dice that fail page within 52 s + 30 s, then level 2, and it ends within 6.5 minutes of healing"
)
def test_dice_that_fail_after_two_fine_hours_page_in_time_and_end_in_time(tmp_path, measured):
    began = time.time()
    with stack(tmp_path) as played:
        until(lambda: played.asked('count(gateway_requests_total{route="roll"})'), seconds=60)
        played.remember(began)
        failed = played.switch(errors="100%")
        paged = until(lambda: played.when("incident_triggered", "page-fast"), seconds=120, look_seconds=0.5) - failed
        measured["paged after"] = f"{paged:.1f} s"
        played.pager.put("/standin/clock", json={"forward_seconds": 300}).raise_for_status()
        until(lambda: played.when("incident_escalated", "page-fast"))
        healed = played.switch()
        ended = until(lambda: played.when("incident_resolved", "page-fast"), seconds=450, look_seconds=0.5) - healed
        measured["ended after"] = f"{ended:.1f} s"
    assert paged <= CLOSED_FORM_SECONDS + WAY_SECONDS
    assert ended <= END_SECONDS


@pytest.mark.proves("5.1 from a fresh make up the incident comes within 90 s")
def test_dice_that_fail_in_a_fresh_stack_page_within_90_seconds(tmp_path, measured):
    with stack(tmp_path) as played:
        failed = played.switch(errors="100%")
        paged = until(lambda: played.when("incident_triggered", "page-fast"), seconds=120, look_seconds=0.5) - failed
        measured["paged after"] = f"{paged:.1f} s"
    assert paged <= FRESH_SECONDS
