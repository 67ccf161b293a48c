"""How the supervision is broken: its processes killed, its configurations spoiled; and how it is mended."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from casino.drill.fault import Fault
from casino.drill.ground import Site

AT_ODDS = """
groups:
  - name: at-odds
    interval: {interval}
    rules:
      - record: drill:at_odds
        expr: up + on() up
  - name: too-slow
    interval: 1ms
    rules:
      - record: drill:too_slow
        expr: count({{__name__=~".+"}})
"""
"""Two targets for one on the other side, and a look at every series each millisecond."""


@asynccontextmanager
async def killed(site: Site, *names: str) -> AsyncIterator[None]:
    """Kill parts, and begin them again."""
    for name in names:
        site.kill(name)
    try:
        yield
    finally:
        for name in names:
            await site.begin(name)


@asynccontextmanager
async def prometheus_dead(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with killed(site, "prometheus"):
        yield


@asynccontextmanager
async def alertmanager_dead(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with killed(site, "alertmanager-1"):
        yield


@asynccontextmanager
async def alertmanagers_dead(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with killed(site, "alertmanager-0", "alertmanager-1"):
        yield


@asynccontextmanager
async def bridge_dead(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with killed(site, "bridge"):
        yield


@asynccontextmanager
async def _rewritten(site: Site, part: str, file: Path, text: str) -> AsyncIterator[None]:
    """Another configuration, and the good one afterwards; each is read at once."""
    good = _swap(site, part, file, text)
    try:
        yield
    finally:
        _swap(site, part, file, good)


def _swap(site: Site, part: str, file: Path, text: str) -> str:
    before = file.read_text()
    file.write_text(text)
    site.tell(part, signal.SIGHUP)
    return before


@asynccontextmanager
async def prometheus_misread(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with _rewritten(site, "prometheus", site.prometheus_file, "global: {scrape_interval: often}\n"):
        yield


@asynccontextmanager
async def alertmanager_misread(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with _rewritten(site, "alertmanager-1", site.alertmanager_file(1), "route: {receiver: nobody}\n"):
        yield


@asynccontextmanager
async def no_alertmanager(site: Site, _fault: Fault) -> AsyncIterator[None]:
    config = _config(site) | {"alerting": {}}
    async with _rewritten(site, "prometheus", site.prometheus_file, json.dumps(config)):
        yield


@asynccontextmanager
async def rules_at_odds(site: Site, _fault: Fault) -> AsyncIterator[None]:
    config = _config(site)
    rules = site.prometheus_file.parent / "rules" / "drill.yaml"
    rules.write_text(AT_ODDS.format(interval=config["global"]["evaluation_interval"]))
    crowded = {
        "job_name": "crowded", "sample_limit": 1, "static_configs": [{"targets": [site.places.prometheus]}],
    }  # fmt: skip
    config["scrape_configs"] = [*config["scrape_configs"], crowded]
    try:
        async with _rewritten(site, "prometheus", site.prometheus_file, json.dumps(config)):
            yield
    finally:
        rules.unlink()
        site.tell("prometheus", signal.SIGHUP)


def _config(site: Site) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(site.prometheus_file.read_text())
    return config


HANDS = {
    "prometheus-dead": prometheus_dead,
    "alertmanagers-dead": alertmanagers_dead,
    "alertmanager-dead": alertmanager_dead,
    "no-alertmanager": no_alertmanager,
    "alertmanager-misread": alertmanager_misread,
    "bridge-dead": bridge_dead,
    "prometheus-misread": prometheus_misread,
    "rules-at-odds": rules_at_odds,
}
