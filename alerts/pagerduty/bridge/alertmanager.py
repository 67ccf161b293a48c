"""Asks Alertmanagers what fires. An answer is kept for some seconds, so that a thousand questions are one call.

Who asks meanwhile waits, senders of pages too: so no Alertmanager, however it drips, is listened to for longer than stated.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import httpx
import msgspec
from msgspec import Struct

from alerts.pagerduty.core.alert import alert_of
from alerts.pagerduty.core.standing import Listed, View

logger = logging.getLogger("casino.bridge")

ANSWER_SECONDS = 5.0
"""For all that one is asked, from the connection to the last byte; all are asked at once."""


class _Receiver(Struct):
    name: str = ""


class _Status(Struct):
    uptime: datetime
    """When it started."""


class Alertmanagers:
    """All that were named, asked together."""

    def __init__(self, urls: Sequence[str], *, seen: Callable[[str, bool], None]) -> None:
        """`seen` is told of each whether it answered."""
        self._urls = tuple(urls)
        self._seen = seen
        self._lock = threading.Lock()
        self._views: tuple[View, ...] = ()
        self._asked_at = float("-inf")
        self._loop = asyncio.new_event_loop()
        """Runs while somebody asks, in that one's thread: only a loop can give up a call that is under way."""
        self._http = httpx.AsyncClient(timeout=ANSWER_SECONDS)

    def views(self, most_age_seconds: float) -> tuple[View, ...]:
        """Return what those say that can be reached, no older than that."""
        with self._lock:
            if time.monotonic() - self._asked_at > most_age_seconds:
                views = self._loop.run_until_complete(self._ask())
                self._views = tuple(view for view in views if view is not None)
                self._asked_at = time.monotonic()
            return self._views

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            self._loop.run_until_complete(self._http.aclose())
            self._loop.close()

    async def _ask(self) -> list[View | None]:
        return await asyncio.gather(*(self._view(url) for url in self._urls))

    async def _view(self, url: str) -> View | None:
        now = time.time()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                alerts = (await self._http.get(f"{url}/api/v2/alerts")).raise_for_status()
                # Asked after the list: one that restarted before it says so.
                status = (await self._http.get(f"{url}/api/v2/status")).raise_for_status()
            view = _read(alerts.content, status.content, now)
        except (httpx.HTTPError, msgspec.MsgspecError, TimeoutError) as fault:
            said = str(fault)[:200] or f"no whole answer within {ANSWER_SECONDS:g} s"
            logger.warning("alertmanager_silent", extra={"fields": {"url.full": url, "error.message": said}})
            view = None
        self._seen(url, view is not None)
        return view


def _read(alerts: bytes, status: bytes, now: float) -> View:
    started = msgspec.json.decode(status, type=_Status).uptime.timestamp()
    listed = {}
    for told in msgspec.json.decode(alerts, type=list[dict[str, msgspec.Raw]]):
        alert = alert_of({name: msgspec.json.decode(value) for name, value in told.items() if name != "status"}, now)
        receivers = msgspec.json.decode(told.get("receivers", b"[]"), type=list[_Receiver])
        muted = msgspec.json.decode(told.get("status", b"{}"), type=_State).state == "suppressed"
        listed[alert.key] = Listed(alert, tuple(receiver.name for receiver in receivers), muted)
    return View(listed=listed, up_seconds=now - started, at=now)


class _State(Struct):
    state: str = ""
