"""Active health checks: one task per address of each checked target, for the whole gateway.

A check opens a connection and, if the spec names a path, asks for it. What the answers mean is decided in
gateway.core.health; this file only asks and counts.
"""

import asyncio
import logging
import re
import ssl
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial

import msgspec

from gateway.control.tasks import Tasks
from gateway.control.waiting import drifting
from gateway.core.health import Belief, Streak, step
from gateway.core.slowstart import Key
from gateway.spec.address import parse_target
from gateway.spec.upstream import Health, UpstreamTls
from gateway.store.contexts import ClientContexts

logger = logging.getLogger("casino.control")

AT_ONCE = 64
"""Checks under way at the same time: a thousand targets must not mean a thousand connections in one moment."""
MOST_LINE_BYTES = 1024

_CONTEXTS = ClientContexts()
"""Reading the authorities takes the CPU longer than a check may hold the loop: it is done once for all alike."""
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])( |\r?\n)")


class Result(StrEnum):
    """How a check ended."""

    GOOD = "good"
    STATUS = "status"
    """An answer with a status the spec does not list."""
    TIMEOUT = "timeout"
    CONNECT = "connect"
    TLS = "tls"
    PROTOCOL = "protocol"
    """Something else than an HTTP/1 answer, or none before the end."""


class Check(msgspec.Struct, frozen=True):
    """One address to be checked, and how."""

    upstream: str
    version: str
    key: Key
    policy: Health
    tls: UpstreamTls


Place = tuple[str, str, Key]
"""Upstream, version and address."""


class Checks:
    """What is believed of every checked address, kept fresh."""

    def __init__(self, tasks: Tasks, count: Callable[[Check, Result], None]) -> None:
        self._tasks = tasks
        self._count = count
        self._free = asyncio.Semaphore(AT_ONCE)
        self._streaks: dict[Place, Streak] = {}
        self._wanted: set[Place] = set()

    def remember_down(self, place: Place) -> None:
        """Take over what a predecessor knew."""
        self._streaks[place] = Streak(Belief.DOWN)

    def keep(self, checks: Iterable[Check]) -> None:
        """Check these and no others; a check that changed goes on with what is believed."""
        wanted = list(checks)
        self._wanted = {_place(check) for check in wanted}
        self._streaks = {place: streak for place, streak in self._streaks.items() if place in self._wanted}
        self._tasks.keep({check: partial(self._repeat, check) for check in wanted})

    def up(self, place: Place) -> bool:
        """Say whether an address takes traffic by its checks; without any it does."""
        streak = self._streaks.get(place)
        return streak is None or streak.up

    def made(self) -> bool:
        """Say whether something is known of every address."""
        return self._wanted <= self._streaks.keys()

    async def _repeat(self, check: Check) -> None:
        place = _place(check)
        while True:
            async with self._free:
                result = await run(check)
            self._count(check, result)
            self._believe(place, step(self._streaks.get(place, Streak()), result is Result.GOOD, check.policy), result)
            await asyncio.sleep(drifting(check.policy.every_seconds))

    def _believe(self, place: Place, streak: Streak, result: Result) -> None:
        if streak.up is not self.up(place):
            upstream, version, (target, host, _) = place
            fields = {"casino.upstream": upstream, "casino.version": version, "casino.target": target}
            event = "target_up" if streak.up else "target_down"
            logger.warning(event, extra={"fields": {**fields, "server.address": host, "event.reason": result.value}})
        self._streaks[place] = streak


async def run(check: Check) -> Result:
    """Make one check now, within its timeout."""
    try:
        async with asyncio.timeout(check.policy.timeout_seconds):
            return await _ask(check)
    except TimeoutError:
        return Result.TIMEOUT
    except ssl.SSLError:
        return Result.TLS
    except OSError:
        return Result.CONNECT


async def _ask(check: Check) -> Result:
    reader, writer = await _connect(check)
    try:
        if check.policy.path is None:
            return Result.GOOD
        host = parse_target(check.key[0]).authority
        head = f"GET {check.policy.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: casino-health\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        return await _read_status(reader, check.policy)
    finally:
        writer.transport.abort()


async def _connect(check: Check) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url, host, port = check.key
    target = parse_target(url)
    if target.scheme == "unix":
        return await asyncio.open_unix_connection(host, limit=MOST_LINE_BYTES)
    if not target.is_tls:
        return await asyncio.open_connection(host, port, limit=MOST_LINE_BYTES)
    return await asyncio.open_connection(
        host,
        port,
        limit=MOST_LINE_BYTES,
        ssl=_CONTEXTS.get(check.tls, time.monotonic()),
        server_hostname=check.tls.server_name or target.host,
    )


async def _read_status(reader: asyncio.StreamReader, policy: Health) -> Result:
    try:
        line = await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Result.PROTOCOL
    found = _STATUS_LINE.match(line)
    if found is None:
        return Result.PROTOCOL
    return Result.GOOD if int(found[1]) in policy.status else Result.STATUS


def _place(check: Check) -> Place:
    return (check.upstream, check.version, check.key)
