"""Asks Alertmanagers what fires. An answer is kept for some seconds, so that a thousand questions are one call."""

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
        self._http = httpx.Client(timeout=ANSWER_SECONDS)

    def views(self, most_age_seconds: float) -> tuple[View, ...]:
        """Return what those say that can be reached, no older than that."""
        with self._lock:
            if time.monotonic() - self._asked_at > most_age_seconds:
                views = (self._view(url) for url in self._urls)
                self._views = tuple(view for view in views if view is not None)
                self._asked_at = time.monotonic()
            return self._views

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _view(self, url: str) -> View | None:
        now = time.time()
        try:
            alerts = self._http.get(f"{url}/api/v2/alerts").raise_for_status()
            # Asked after the list: one that restarted before it says so.
            status = self._http.get(f"{url}/api/v2/status").raise_for_status()
            view = _read(alerts.content, status.content, now)
        except (httpx.HTTPError, msgspec.MsgspecError) as fault:
            logger.warning(
                "alertmanager_silent", extra={"fields": {"url.full": url, "error.message": str(fault)[:200]}}
            )
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
