"""The way to PagerDuty: one call, one answer. Nothing here tries again, waits, or knows what an event means.

pdpyras would: 429 without end, network errors three times, 5xx up to six times (notes/alerting.md, section 5). All of
that is switched off, redirects are not followed, and every call ends: sockets are shut when its time is up, since a
server that sends a byte now and then would hold a thread for ever.
"""

import logging
import socket
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from alerts.pagerduty.core.answer import Answer, Kind, answer_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # that it is deprecated is known; its successor passes the same tests
    import pdpyras

EVENTS = "/v2/enqueue"
CHANGES = "/v2/change/enqueue"
SILENCE_SECONDS = 8.0
"""Longest wait for a connection or for the next byte."""
CALL_SECONDS = 15.0
"""Longest call, whatever happens."""
_ONCE = dict.fromkeys((429, 500, 502, 503, 504), -2)
"""Below -1 pdpyras takes any number of tries for too many: exactly one request (by its source)."""
_NO_KEY = "not-told-to-pdpyras"
"""The routing key is in the body; pdpyras would put the end of it into messages."""

logging.getLogger("pdpyras").setLevel(logging.CRITICAL)


class Transport(Protocol):
    """Calls PagerDuty from one thread."""

    def send(self, endpoint: str, event: bytes) -> Answer:
        """POST an event, whole and with its routing key."""

    def close(self) -> None:
        """Let go of connections."""


class PdpyrasTransport:
    """Events over pdpyras."""

    def __init__(
        self, url: str, *, call_seconds: float = CALL_SECONDS, silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        """`url` is where the Events API is, without its path."""
        self._session = pdpyras.EventsAPISession(_NO_KEY)
        self._session.url = url
        self._session.timeout = silence_seconds
        self._session.retry = dict(_ONCE)
        self._session.max_network_attempts = 0
        self._adapter = _Adapter()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._call_seconds = call_seconds

    def send(self, endpoint: str, event: bytes) -> Answer:
        """POST an event; whatever happens on the way is an answer, too."""
        is_late = threading.Event()
        clock = threading.Timer(self._call_seconds, self._adapter.cut, (is_late,))
        clock.daemon = True
        clock.start()
        try:
            response = self._session.post(endpoint, data=event, allow_redirects=False)
        except pdpyras.PDClientError as fault:
            if fault.response is None:
                return Answer(Kind.FAILED, _network(fault.__cause__, is_late=is_late.is_set()))
            response = fault.response
        finally:
            clock.cancel()
        return answer_of(response.status_code, response.text, response.headers.get("Retry-After", ""))

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()


def _network(cause: BaseException | None, *, is_late: bool) -> str:
    if is_late or isinstance(cause, requests.Timeout):
        return "timeout"
    return "tls" if isinstance(cause, requests.exceptions.SSLError) else "network"


class _Adapter(HTTPAdapter):
    """Keeps a second descriptor of every connection, by which another thread can end it."""

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Let pools make connections that are kept in view."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, self._open),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, self._open),
        }

    def cut(self, is_late: threading.Event) -> None:
        """End every connection now, whatever it waits for; first of all, say that this is why."""
        is_late.set()
        for spare in list(self._open):
            with suppress(OSError):
                spare.shutdown(socket.SHUT_RDWR)


def _pool(pool: type[Any], connection: type[Any], opened: set[socket.socket]) -> type[Any]:
    new_connection: Callable[[Any], socket.socket] = connection._new_conn  # noqa: SLF001 - urllib3's place to open a socket
    close: Callable[[Any], None] = connection.close

    def _new_conn(self: Any) -> socket.socket:
        opening = new_connection(self)
        self.spare = opening.dup()
        opened.add(self.spare)
        return opening

    def _close(self: Any) -> None:
        spare = self.__dict__.pop("spare", None)
        if spare is not None:
            opened.discard(spare)
            spare.close()
        close(self)

    seen = type("Seen", (connection,), {"_new_conn": _new_conn, "close": _close})
    return type("SeenPool", (pool,), {"ConnectionCls": seen})
