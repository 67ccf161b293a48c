"""The short way out: refuses a request of a worker that is behind, at a fraction of the cost of any other answer.

It answers and counts what the long way (admission, answers, account) would, save that most of its refusals have no line
in the access log: lines of work that was not done would take the time of work that could be. They count as dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.failure import STATUS, Failure, Refused
from gateway.core.headers import join
from gateway.core.recent import remember
from gateway.core.request import Request
from gateway.core.route import Found
from gateway.core.trace import request_id
from gateway.proxy.admission import check_size
from gateway.proxy.answers import STATUS_LINES, failure_body, failure_headers
from gateway.proxy.framing import HEAD_END

if TYPE_CHECKING:
    from gateway.core.acl import AccessList
    from gateway.core.identity import Gate
    from gateway.proxy.client import ClientConnection
    from gateway.proxy.head import RequestHead
    from gateway.proxy.table import Lane
    from gateway.proxy.worker import Worker

LOGGED_PER_TICK: Final = 2
"""Refusals that go the long way and have their line: some 80 a second show who is refused what."""
_REMEMBERED: Final = 1024
"""Heads whose refusal is known at a time."""
_INSTANCE: Final = "instance"
"""Stands for the request's id in the body that is made once."""


class _Kind:
    """What refusals of equal heads have in common, and how many of them this turn has seen."""

    __slots__ = ("acl", "count", "gate", "host", "lane", "lines", "method", "sent")

    def __init__(self, head: RequestHead, lane: Lane | None = None) -> None:
        self.method = head.method
        self.lane = lane
        """Where the requests would have gone; None for those that go the long way."""
        self.lines = b""
        """The answer's head as far as it is the same for all."""
        self.host = ""
        self.acl: AccessList | None = None
        """Who may ask at all."""
        self.gate: Gate | None = None
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
        kind = self._refusable(client, head)
        if kind is None or self._worker.closing:
            return False
        if self._to_log:
            self._to_log -= 1
            return False
        client.write(self._answer(client, head, kind, keep=head.keep_alive))
        return True

    def refusal(self, client: ClientConnection, asked: bytes) -> bytes:
        """Answer a connection's first request, which is its last then; empty if it must not be refused unseen."""
        _, end, more = asked.partition(HEAD_END)
        if not end or more or len(asked) > self._worker.bounds.head_bytes:
            return b""
        try:
            head = self._worker.requests.read(asked)
        except Refused:
            return b""
        kind = self._refusable(client, head) if head else None
        return self._answer(client, head, kind, keep=False) if head and kind else b""

    def _refusable(self, client: ClientConnection, head: RequestHead) -> _Kind | None:
        if head.length or head.expect:
            return None
        kind = self._kinds.get(head)
        if kind is None:
            kind = self._kind(client, head)
            if head.remembered:
                remember(self._kinds, head, kind, _REMEMBERED)
        if kind.lane is None or _is_turned_away(client, head, kind) or self.spares(client, head, kind.gate):
            return None
        return kind

    def _answer(self, client: ClientConnection, head: RequestHead, kind: _Kind, *, keep: bool) -> bytes:
        instance = self._identify(client, head)
        body = b"%b%b%b" % (self._before, instance, self._after)
        end = b"connection: close\r\n" if not keep else b"" if head.http11 else b"connection: keep-alive\r\n"
        framing = b"%bcontent-length: %d\r\n%b" % (client.entrance.hsts, len(body), end)
        if head.method == b"HEAD":
            body = b""
        if not kind.count:
            self._seen.append(kind)
        kind.count += 1
        kind.sent += len(body)
        return b"%bx-request-id: %b\r\n%b\r\n%b" % (kind.lines, instance, framing, body)

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
            return _Kind(head)
        try:
            check_size(head, worker.bounds)
            address = table.locate(head.method, head.host, head.target)
        except Refused:
            return _Kind(head)
        if address.is_health:
            return _Kind(head)
        request = Request(address.method, address.host, address.path, address.query, head.headers, client.hop.peer)
        found, _ = table.find(request, head)
        plan = found.plan if isinstance(found, Found) else None
        kind = _Kind(head, table.lanes[plan.name] if plan else worker.unrouted)
        kind.lines = (
            STATUS_LINES[STATUS[Failure.OVERLOAD]] + join(failure_headers(Failure.OVERLOAD, plan)) + worker.date
        )
        kind.host = address.host
        kind.acl = table.acl
        kind.gate = plan.gate if plan else None
        return kind


def _is_turned_away(client: ClientConnection, head: RequestHead, kind: _Kind) -> bool:
    """Say whether something that comes before the route may have another answer: the entrance, or the list of addresses."""
    if client.entrance.judges and (not kind.host or client.directed != kind.host):
        return True
    return kind.acl is not None and not kind.acl.allows(client.hop.origin(head.host, head.claims).client)
