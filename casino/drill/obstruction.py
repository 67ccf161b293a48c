"""How the bridge is hindered: a pager that refuses, webhooks that are none, a disk that is slow or takes nothing."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import httpx

from casino.drill.clients import kept_on
from casino.drill.fault import Fault
from casino.drill.ground import Site
from casino.drill.overlay import KEY, routing_key

POST_SECONDS = 0.5
STUMBLE_SECONDS = 2.0
"""Time enough for the second try: what waits for longer is another alert's business."""
HELD_SECONDS, FREE_SECONDS = 1.5, 0.3
LOCK_SECONDS = 30.0
PATIENCE_SECONDS = 30.0
PAGE = "DrillPage"
"""An alert of no rule, which only waits."""


@asynccontextmanager
async def pager_refuses(site: Site, _fault: Fault) -> AsyncIterator[None]:
    """Nothing of that team gets through."""
    team, key = _another(site)
    refusal = [{"kind": "503", "routing_key": key}]
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        await _command(client, site, refusal)
        try:
            async with kept_on(_page_on(client, site, team)):
                yield
        finally:
            await _command(client, site, [])
            await _page(client, site, team, timedelta(0))


@asynccontextmanager
async def pager_stumbles(site: Site, _fault: Fault) -> AsyncIterator[None]:
    """Everything of that team gets through, at the second try."""
    team, key = _another(site)
    pages: list[str] = []
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        try:
            async with kept_on(_stumble_on(client, site, team, key, pages)):
                yield
        finally:
            await _command(client, site, [])
            for page in pages:
                await _page(client, site, team, timedelta(0), page)


async def _stumble_on(client: httpx.AsyncClient, site: Site, team: str, key: str, pages: list[str]) -> NoReturn:
    while True:
        pages.append(f"{PAGE}{len(pages)}")
        with contextlib.suppress(httpx.HTTPError):
            await _command(client, site, [{"kind": "503", "routing_key": key, "times": 1}])
            await _page(client, site, team, timedelta(minutes=5), pages[-1])
        await asyncio.sleep(STUMBLE_SECONDS)


def _another(site: Site) -> tuple[str, str]:
    """Find a team with another key than that of the alerts about the bridge, which must get through."""
    owner = site.spec.alerts.team
    name, key = next(
        (name, team.pages) for name, team in site.spec.teams.items() if name != owner and team.pages != KEY
    )
    assert key is not None
    return name, routing_key(key)


async def _command(client: httpx.AsyncClient, site: Site, faults: Sequence[Mapping[str, str | int]]) -> None:
    (await client.put(f"http://{site.standin_address}/standin/faults", json=faults)).raise_for_status()


async def _page_on(client: httpx.AsyncClient, site: Site, team: str) -> NoReturn:
    while True:
        await _page(client, site, team, timedelta(minutes=5))
        await asyncio.sleep(POST_SECONDS)


async def _page(client: httpx.AsyncClient, site: Site, team: str, lasts: timedelta, name: str = PAGE) -> None:
    alert = {
        "labels": {"alertname": name, "severity": "critical", "team": team},
        "endsAt": (datetime.now(UTC) + lasts).isoformat(),
    }
    for address in site.places.alertmanagers:
        with contextlib.suppress(httpx.HTTPError):  # one of them may be dead, by another fault
            await client.post(f"http://{address}/api/v2/alerts", json=[alert])


@asynccontextmanager
async def no_webhooks(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with kept_on(_post_on(site, "this is no webhook")):
        yield


@asynccontextmanager
async def webhooks_cut(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with kept_on(_post_on(site, {"version": "4", "status": "firing", "alerts": [], "truncatedAlerts": 3})):
        yield


async def _post_on(site: Site, body: Any) -> NoReturn:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await client.post(f"http://{site.places.bridge}/alertmanager", json=body)
            await asyncio.sleep(POST_SECONDS)


@asynccontextmanager
async def disk_slow(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with kept_on(_hold_on(site)):
        yield


async def _hold_on(site: Site) -> NoReturn:
    with closing(_queue(site)) as database:
        while True:
            database.execute("BEGIN IMMEDIATE")
            try:
                await asyncio.sleep(HELD_SECONDS)
            finally:
                database.execute("ROLLBACK")
            await asyncio.sleep(FREE_SECONDS)


@asynccontextmanager
async def disk_locked(site: Site, _fault: Fault) -> AsyncIterator[None]:
    with closing(_queue(site)) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")


def _queue(site: Site) -> sqlite3.Connection:
    """The bridge's own file, which another process may hold for a moment (`casino bridge dead requeue`), or for longer."""
    return sqlite3.connect(site.folder / "bridge" / "bridge.sqlite", isolation_level=None, timeout=LOCK_SECONDS)


HANDS = {
    "pager-refuses": pager_refuses,
    "pager-stumbles": pager_stumbles,
    "no-webhooks": no_webhooks,
    "webhooks-cut": webhooks_cut,
    "disk-slow": disk_slow,
    "disk-locked": disk_locked,
}
