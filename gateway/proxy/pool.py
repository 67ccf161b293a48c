"""The keep-alive connections of one worker to one address of a target, and the requests that wait for one.

Caps are the spec's numbers shared out evenly among the workers: at most one connection per worker over, in all.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from aiohappyeyeballs import start_connection

from exporters.catalog.gateway import (
    UPSTREAM_CONNECTIONS,
    UPSTREAM_CONNECTS,
    UPSTREAM_IN_FLIGHT,
    UPSTREAM_REQUESTS,
    UPSTREAM_WAITING,
)
from gateway.core.failure import Failure, Refused
from gateway.proxy.timers import NEVER, TICKS_PER_SECOND
from gateway.proxy.upstream import UpstreamConnection
from gateway.spec.address import parse_target

if TYPE_CHECKING:
    from gateway.core.snapshot import Endpoint
    from gateway.proxy.call import Call
    from gateway.proxy.service import Service

_HAPPY_SECONDS: Final = 0.1
"""Head start of one address over the target's next one (RFC 8305 section 5 recommends 100 to 250 ms)."""
_FRESH_SECONDS: Final = 1.0
"""A connection that rested longer may be closing at the other end just now: unsafe requests get a new one."""
_RESULTS: Final = {
    Failure.CONNECT_REFUSED: "refused",
    Failure.CONNECT_TIMEOUT: "timeout",
    Failure.TLS: "tls",
}

_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""This machine lacks something for one more connection: no word about the service."""


class _Deadline:
    """The end of a connection attempt, kept by the worker's timers: a timeout of asyncio's own would not forgive a late loop."""

    __slots__ = ("bucket", "due", "timeout")

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self.timeout = timeout
        self.due = NEVER
        self.bucket = 0

    def expire(self, now: float) -> None:
        self.timeout.reschedule(now)


class Pool:
    """Connections to one address."""

    __slots__ = (
        "_calls", "_connections", "_dialing", "_idle", "_open", "_outcomes", "_results", "_retired", "_service", "_tls_name",
        "_waiting", "_waits", "address", "host", "key", "place", "port", "siblings", "target", "tasks", "worker",
    )  # fmt: skip

    def __init__(self, service: Service, endpoint: Endpoint) -> None:
        self._service = service
        self.worker = service.worker
        self.target = endpoint.target
        self.address = endpoint.host
        self.port = endpoint.port
        self.key = (endpoint.target, endpoint.host, endpoint.port)
        self.place = 0
        self.siblings: list[tuple[str, int]] = []
        """Other addresses of the same target, tried when this one is slow to accept."""
        address = parse_target(endpoint.target)
        self._tls_name = (service.policy.tls.server_name or address.host) if address.is_tls else None
        self.host = address.authority.encode() if service.policy.host == "target" else b""
        self._idle: list[UpstreamConnection] = []
        self._waiting: deque[Call] = deque()
        self._open = 0
        self._dialing = 0
        self._retired = False
        self.tasks: set[asyncio.Task[None]] = set()
        labels = (service.upstream, service.version, endpoint.target)
        tally = self.worker.slot.tally
        self._calls = tally.index(UPSTREAM_IN_FLIGHT, labels)
        self._connections = tally.index(UPSTREAM_CONNECTIONS, labels)
        self._waits = tally.index(UPSTREAM_WAITING, labels)
        self._outcomes = {
            outcome: tally.index(UPSTREAM_REQUESTS, (*labels, outcome))
            for outcome in ("success", "failure", "canceled")
        }
        self._results = {
            result: tally.index(UPSTREAM_CONNECTS, (*labels, result)) for result in ("success", *_RESULTS.values())
        }

    # ---- calls

    def begun(self) -> None:
        self._service.outstanding[self.place] += 1
        self.worker.values[self._calls] += 1

    def ended(self, outcome: str) -> None:
        values = self.worker.values
        values[self._calls] -= 1
        values[self._outcomes[outcome]] += 1
        if not self._retired:
            self._service.outstanding[self.place] -= 1

    @property
    def calls(self) -> int:
        """Calls under way, when the places are dealt anew."""
        return self._open - len(self._idle) + len(self._waiting)

    def acquire(self, call: Call) -> UpstreamConnection | None:
        """Give an idle connection, or let the call wait for one.

        Raises:
            Refused: too many wait already.

        """
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.transport.is_closing():
                continue
            if call.is_unsafe and self.worker.clock() - connection.rested > _FRESH_SECONDS and self._may_dial:
                idle.append(connection)
                break
            return connection
        self._wait(call)
        return None

    @property
    def _may_dial(self) -> bool:
        return self._open + self._dialing < self._share(self._service.policy.connections.most)

    def _share(self, number: int) -> int:
        return -(-number // self.worker.workers)

    def _wait(self, call: Call) -> None:
        caps = self._service.policy.connections
        dials = self._may_dial
        if not dials and len(self._waiting) - self._dialing >= self._share(caps.queue):
            raise Refused(Failure.POOL_FULL)
        self._waiting.append(call)
        self.worker.values[self._waits] += 1
        patience = caps.queue_seconds + (self._service.policy.timeouts.connect_seconds if dials else 0)
        self.worker.timers.arm(call, min(self.worker.clock() + patience, call.total_due))
        if dials:
            self._dial()

    def withdraw(self, call: Call) -> None:
        """Forget a call that waits no more."""
        if call in self._waiting:
            self._waiting.remove(call)
            self._stopped_waiting(call)

    def _stopped_waiting(self, call: Call) -> None:
        self.worker.values[self._waits] -= 1
        self.worker.timers.forget(call)

    def release(self, connection: UpstreamConnection) -> None:
        """Take a connection back: for whoever waits, else to rest."""
        if self._waiting:
            self._serve(connection)
        elif self._retired or self.worker.closing:
            connection.discard()
        else:
            connection.rested = now = self.worker.clock()
            self._idle.append(connection)
            connection.due = now + self._service.policy.connections.idle_seconds
            bucket = connection.bucket
            if not bucket or bucket > connection.due * TICKS_PER_SECOND + 1:  # else it is looked at before that
                self.worker.timers.arm(connection, connection.due)

    def _serve(self, connection: UpstreamConnection) -> None:
        call = self._waiting.popleft()
        self._stopped_waiting(call)
        call.connected(connection)

    def opened(self, connection: UpstreamConnection) -> None:
        """Take a new connection in."""
        values = self.worker.values
        self._open += 1
        values[self._connections] += 1
        values[self._results["success"]] += 1
        connection.counted = True
        self.release(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """Note that a connection is gone."""
        self._open -= 1
        self.worker.values[self._connections] -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._dial_for_waiting()

    def _dial_for_waiting(self) -> None:
        if self._waiting and self._dialing < len(self._waiting) and self._may_dial:
            self._dial()

    def retire(self) -> None:
        """Close what rests and keep nothing that comes back: the address is in use no more."""
        self._retired = True
        for connection in list(self._idle):
            connection.discard()

    # ---- connecting

    def _dial(self) -> None:
        self._dialing += 1
        task = self.worker.loop.create_task(self._connect())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(self) -> None:
        failure: Failure | None = None
        deadline = _Deadline(asyncio.timeout(None))
        worker = self.worker
        worker.timers.arm(deadline, worker.clock() + self._service.policy.timeouts.connect_seconds)
        try:
            async with deadline.timeout:
                connection = await self._open_connection()
            if connection.transport.is_closing():
                failure = Failure.CONNECT_REFUSED  # taken and dropped at once
        except TimeoutError:
            failure = Failure.CONNECT_TIMEOUT
        except ssl.SSLError:
            failure = Failure.TLS
        except OSError as refused:
            failure = Failure.OVERLOAD if refused.errno in _EXHAUSTED else Failure.CONNECT_REFUSED
        finally:
            worker.timers.forget(deadline)
            self._dialing -= 1
        if failure:
            if failure in _RESULTS:
                worker.values[self._results[_RESULTS[failure]]] += 1
            self._refuse_one(failure)
            return
        self.opened(connection)

    def _refuse_one(self, failure: Failure) -> None:
        if self._waiting:
            call = self._waiting.popleft()
            self._stopped_waiting(call)
            call.failed(failure)
        self._dial_for_waiting()

    async def _open_connection(self) -> UpstreamConnection:
        loop = self.worker.loop
        make = lambda: UpstreamConnection(self)  # noqa: E731 - a factory is what asyncio asks for
        tls: dict[str, Any] = {}
        if self._tls_name is not None:
            tls = {"ssl": self.worker.context(self._service.policy.tls), "server_hostname": self._tls_name}
        if not self.port:
            _, connection = await loop.create_unix_connection(make, self.address)
        elif self.siblings:
            raced = await start_connection(self._addresses(), happy_eyeballs_delay=_HAPPY_SECONDS)
            _, connection = await loop.create_connection(make, sock=raced, **tls)
        else:
            _, connection = await loop.create_connection(make, self.address, self.port, **tls)
        return connection

    def _addresses(self) -> list[Any]:
        stream = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [
            (
                socket.AF_INET6 if ":" in host else socket.AF_INET,
                *stream,
                (host, port, 0, 0) if ":" in host else (host, port),
            )
            for host, port in [(self.address, self.port), *self.siblings]
        ]
