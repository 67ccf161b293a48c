"""The short way out: refuses a request of a worker that is behind, at a fraction of the cost of any other answer.

It answers and counts what the long way (admission, answers, account) would, save that most of its refusals have no line
in the access log: lines of work that was not done would take the time of work that could be. They count as dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.failure import STATUS, Failure, Refused
from gateway.core.headers import join
from gateway.core.request import Request
from gateway.core.route import Found
from gateway.core.trace import request_id
from gateway.proxy.answers import STATUS_LINES, failure_body, failure_headers

if TYPE_CHECKING:
    from gateway.core.identity import Gate
    from gateway.proxy.client import ClientConnection
    from gateway.proxy.head import RequestHead
    from gateway.proxy.table import Lane
    from gateway.proxy.worker import Worker

LOGGED_PER_TICK: Final = 2
"""Refusals that go the long way and have their line: some 80 a second show who is refused what."""
_INSTANCE: Final = "instance"
"""Stands for the request's id in the body that is made once."""


class _Kind:
    """What refusals of equal heads have in common, and how many of them this turn has seen."""

    __slots__ = ("count", "gate", "lane", "lines", "method", "sent")

    def __init__(self, lane: Lane | None, method: bytes, lines: bytes = b"", gate: Gate | None = None) -> None:
        self.lane = lane
        """Where the requests would have gone; None for those that are not refused."""
        self.method = method
        self.lines = lines
        """The answer's head as far as it is the same for all."""
        self.gate = gate
        """What the route demands of callers."""
        self.count = self.sent = 0


class Shedding:
    """The refusals of one worker."""

    __slots__ = ("_after", "_before", "_kinds", "_seen", "_to_log", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._to_log = LOGGED_PER_TICK
        self._before, self._after = failure_body(Failure.OVERLOAD, _INSTANCE).rsplit(_INSTANCE.encode(), 1)
        self._kinds: dict[RequestHead, _Kind] = {}
        self._seen: list[_Kind] = []

    def tick(self) -> None:
        """Allow some more lines; forget what an earlier snapshot and an earlier second say."""
        self._to_log = LOGGED_PER_TICK
        if self._kinds:
            self._kinds.clear()

    def refuse(self, client: ClientConnection, head: RequestHead) -> bool:
        """Refuse a request; False if it has to go the long way: a body, a health check, a line that is wanted."""
        worker = self._worker
        if head.length or not head.keep_alive or not head.http11 or worker.closing:
            return False
        kind = self._kinds.get(head)
        if kind is None:
            self._kinds[head] = kind = self._kind(client, head)
        if kind.lane is None or self.spares(client, head, kind.gate):
            return False
        if self._to_log:
            self._to_log -= 1
            return False
        instance = self._identify(client, head)
        body = b"%b%b%b" % (self._before, instance, self._after)
        client.write(
            b"%bx-request-id: %b\r\n%bcontent-length: %d\r\n\r\n%b"
            % (kind.lines, instance, client.entrance.hsts, len(body), body)
        )
        if not kind.count:
            self._seen.append(kind)
        kind.count += 1
        kind.sent += len(body)
        return True

    def spares(self, client: ClientConnection, head: RequestHead, gate: Gate | None) -> bool:
        """Say whether a caller is served before others: one whom a guarded route knows, while there is time for those."""
        worker = self._worker
        return gate is not None and not worker.overload.drowns and worker.gatekeeper.knows(client, head, gate)

    def settle(self) -> None:
        """Count the refusals of this turn, before they leave."""
        for kind in self._seen:
            assert kind.lane is not None
            self._worker.account.shed(kind.lane, kind.method, kind.count, kind.sent)
            kind.count = kind.sent = 0
        self._seen.clear()

    def _identify(self, client: ClientConnection, head: RequestHead) -> bytes:
        digits = self._worker.identities.next()[:32]
        if head.request_id and client.hop.trusted:
            digits = request_id(head.request_id, digits)
        return digits.encode()

    def _kind(self, client: ClientConnection, head: RequestHead) -> _Kind:
        worker, table = self._worker, self._worker.table
        if table is None:
            return _Kind(None, head.method)
        try:
            address = table.locate(head.method, head.host, head.target)
        except Refused:
            return _Kind(None, head.method)
        if address.is_health:
            return _Kind(None, head.method)
        request = Request(address.method, address.host, address.path, address.query, head.headers, client.hop.peer)
        found = table.router.find(request)
        plan = found.plan if isinstance(found, Found) else None
        lines = STATUS_LINES[STATUS[Failure.OVERLOAD]] + join(failure_headers(Failure.OVERLOAD, plan)) + worker.date
        if plan is None:
            return _Kind(worker.unrouted, head.method, lines)
        return _Kind(table.lanes[plan.name], head.method, lines, plan.gate)
