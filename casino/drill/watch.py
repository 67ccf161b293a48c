"""Looks at what a ground's Prometheus and its stand-in for PagerDuty say. Times are theirs: a drill that is late misses nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any, NoReturn

import httpx
import msgspec

from casino.drill.key import Key

LOOK_SECONDS = 0.5
TIMEOUT_SECONDS = 5.0
WARM_SCRAPES = 5


class Incident(msgspec.Struct, frozen=True):
    """When the stand-in opened an incident, and when it ended; Unix time."""

    opened_at: float
    ended_at: float | None


class _Entry(msgspec.Struct):
    number: int
    wall: float
    what: str
    dedup_key: str | None = None


class _Timeline(msgspec.Struct):
    entries: list[_Entry]


class Lookout:
    """Both of them, of one ground, looked at once a moment for all who want to know. What does not answer says nothing."""

    def __init__(self, client: httpx.AsyncClient, *, prometheus: str, standin: str) -> None:
        """Both addresses are host and port."""
        self._client = client
        self._prometheus, self._standin = f"http://{prometheus}", f"http://{standin}"
        self._entries: list[_Entry] = []
        self.firing: list[dict[str, str]] | None = None
        """The labels of each alert that fires now; None: Prometheus does not say."""

    async def look_on(self) -> NoReturn:
        """Keep looking."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once."""
        told = await self._ask(f"{self._prometheus}/api/v1/alerts")
        self.firing = told and [each["labels"] for each in told["data"]["alerts"] if each["state"] == "firing"]
        after = self._entries[-1].number if self._entries else 0
        parameters = {"what": "incident_triggered,incident_resolved", "after": str(after)}
        timeline = await self._ask(f"{self._standin}/standin/timeline", parameters)
        if timeline is not None:
            self._entries += msgspec.convert(timeline, _Timeline).entries

    async def times(self, key: Key, since: float, now: float) -> list[float]:
        """Return when an alert was seen to fire, at each evaluation in between."""
        labels = {"alertname": key.name, "alertstate": "firing", **dict(key.where)}
        matchers = ",".join(f'{name}="{value}"' for name, value in labels.items())
        reach = max(1, int(now - since))
        parameters = {"query": f"ALERTS{{{matchers}}}[{reach}s]", "time": f"{now:.3f}"}
        answer = await self._ask(f"{self._prometheus}/api/v1/query", parameters)
        if answer is None:
            return []
        return sorted(at for series in answer["data"]["result"] for at, _ in series["values"] if at >= since)

    async def is_warm(self, targets: int) -> bool:
        """Whether so many targets were scraped a few times: a counter that is seen for the first time has not risen."""
        query = f"count(sum_over_time(up[10m]) >= {WARM_SCRAPES})"
        answer = await self._ask(f"{self._prometheus}/api/v1/query", {"query": query})
        found = answer["data"]["result"] if answer else []
        return bool(found) and float(found[0]["value"][1]) >= targets

    def is_open(self, key: Key) -> bool:
        """Whether somebody was told of an alert of this name, and not of its end: of another beginning nobody would hear.

        Of one that shares its name with others the incident does not say which it is: then it is taken for ended.
        """
        if key.where:
            return False
        latest = {each.dedup_key: each.what for each in self._entries if each.dedup_key}
        names = (dedup_key.split("/")[2:3] for dedup_key, what in latest.items() if what == "incident_triggered")
        return [key.name] in names

    def incident(self, dedup_key: str, since: float) -> Incident | None:
        """Return the first incident of a key that was opened since then."""
        entries = [each for each in self._entries if each.dedup_key == dedup_key and each.wall >= since]
        opened = next((each.wall for each in entries if each.what == "incident_triggered"), None)
        if opened is None:
            return None
        ended = next((each.wall for each in entries if each.what == "incident_resolved" and each.wall >= opened), None)
        return Incident(opened, ended)

    async def _ask(self, url: str, parameters: Mapping[str, str] | None = None) -> Any:
        try:
            answer = await self._client.get(url, params=dict(parameters or {}), timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == httpx.codes.OK else None
