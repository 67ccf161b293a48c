"""Clients that come back with TLS: each connection begins with the session of the one before."""

import socket
import ssl
import threading
from collections import Counter
from typing import NamedTuple, Self

from tests.waiting import until

PATIENCE_SECONDS = 10.0


class Visit(NamedTuple):
    """One connection with one request on it."""

    resumed: bool
    returning: bool
    """It had a session to offer."""


class Returning:
    """So many clients on threads of their own; each trusts `context` and asks `request`."""

    def __init__(self, port: int, contexts: list[ssl.SSLContext], request: bytes, name: str) -> None:
        self.visits: list[Visit] = []
        self.failures: list[str] = []
        self._address = ("127.0.0.1", port)
        self._request = request
        self._name = name
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._come, args=(context,)) for context in contexts]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.grows(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def grows(self, by: int) -> None:
        """Wait for so many more visits."""
        goal = len(self.visits) + len(self.failures) + by
        until(lambda: len(self.visits) + len(self.failures) >= goal)

    def counts(self, since: int = 0) -> Counter[bool]:
        """Of those who had a session to offer, how many resumed."""
        return Counter(visit.resumed for visit in self.visits[since:] if visit.returning)

    def _come(self, context: ssl.SSLContext) -> None:
        session = None
        while not self._stop.wait(0.005):
            try:
                session = self._visit(context, session)
            except OSError as failure:
                self.failures.append(repr(failure))
                session = None

    def _visit(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
        with (
            socket.create_connection(self._address, timeout=PATIENCE_SECONDS) as connected,
            context.wrap_socket(
                connected, server_hostname=self._name, session=session, suppress_ragged_eofs=False
            ) as secured,
        ):
            secured.sendall(self._request)
            received = b""
            while piece := secured.recv(65_536):
                received += piece
            if not received.startswith(b"HTTP/1.1 200 "):
                raise ConnectionError(f"answered {received[:80]!r}")
            self.visits.append(Visit(bool(secured.session_reused), session is not None))
            return secured.session
