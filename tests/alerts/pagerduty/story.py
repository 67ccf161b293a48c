"""What the stand-in saw of each alert, judged: whole, in order, one incident each, nothing left open."""

import re
from collections import defaultdict

from tests.alerts.pagerduty.running import Running

OWN = "casino-bridge/"


def calls_by_key(standin: Running) -> dict[str, str]:
    """Return the accepted calls of each incident in their order, as `t` and `r`."""
    calls: dict[str, str] = defaultdict(str)
    for entry in entries(standin, "call"):
        taken = entry["status"] == 202 or (entry.get("fault") or "").startswith("taken")
        if taken and entry.get("dedup_key") and not entry["dedup_key"].startswith(OWN):
            calls[entry["dedup_key"]] += entry["action"][0]
    return dict(calls)


def incidents_by_key(standin: Running) -> dict[str, int]:
    """Return how many incidents each key opened."""
    opened: dict[str, int] = defaultdict(int)
    for entry in entries(standin, "alert_opened"):
        if not entry["dedup_key"].startswith(OWN):
            opened[entry["dedup_key"]] += 1
    return dict(opened)


def entries(standin: Running, what: str) -> list[dict]:
    found: list[dict] = []
    while more := standin.timeline(what=what, after=found[-1]["number"] if found else 0):
        found += more
    return found


def disorderly(standin: Running) -> dict[str, str]:
    """Return the keys whose calls are not triggers followed by resolves; each may come again after a crash."""
    return {key: calls for key, calls in calls_by_key(standin).items() if not re.fullmatch("t+r+", calls)}
