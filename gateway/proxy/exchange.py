"""One request and its answer, from the head to the access log. It knows codecs by what they do, not what they speak.

Client codec -> `begin`, `request_body`, `client_gone`, `refused`. Upstream codec -> `interim`, `response`,
`response_body`, `upstream_failed`, `upstream_late`. Whatever happens, `_finish` runs once and accounts for it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from gateway.core.balance import hash_key
from gateway.core.failure import STATUS, Failure, Refused
from gateway.core.headers import join
from gateway.core.retry import IDEMPOTENT, REASONS, may_retry
from gateway.proxy.admission import admit, request_head
from gateway.proxy.answers import STATUS_LINES, problem
from gateway.proxy.framing import CHUNKED
from gateway.proxy.tunnel import Tunnel

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gateway.core.forwarded import Origin
    from gateway.core.plan import Plan
    from gateway.core.request import Header, Request
    from gateway.proxy.answer import AnswerHead
    from gateway.proxy.client import ClientConnection
    from gateway.proxy.head import RequestHead
    from gateway.proxy.pool import Pool
    from gateway.proxy.service import Service
    from gateway.proxy.upstream import UpstreamConnection
    from gateway.proxy.worker import Worker

_WAITING_BYTES: Final = 64 * 1024
"""Of a body that waits for a connection; beyond it the client is read no further."""
_MOST_STALE: Final = 3
"""Idle connections that may turn out dead one after the other before it counts as a failure."""
_NONE_TRIED: Final[frozenset[int]] = frozenset()
_NO_CONTENT: Final = 204
_BODILESS: Final = frozenset((_NO_CONTENT, 304))


class Exchange:
    """One request on its way."""

    __slots__ = (
        "answer_seconds", "arm", "begun", "called", "chunked", "client", "counted", "failure", "first_byte",
        "head", "origin", "plan", "request", "target", "keep", "kept", "kept_bytes", "lane", "last_failure", "last_pool", "over", "place", "pool", "probe", "received",
        "request_done", "request_id", "sent", "service", "source", "stale", "started", "status", "total_due",
        "trace_id", "traceparent", "tried", "tries", "tunnel", "upgrade", "upstream", "worker", "bucket", "due", "expects",
    )  # fmt: skip

    def __init__(self, worker: Worker, client: ClientConnection, head: RequestHead) -> None:
        self.worker = worker
        self.client = client
        self.head = head
        self.lane = worker.unrouted
        self.plan: Plan | None = None
        self.request: Request | None = None
        self.origin: Origin | None = None
        self.target = b""
        self.arm = ""
        self.request_id = self.trace_id = ""
        self.traceparent = b""
        self.service: Service | None = None
        self.pool: Pool | None = None
        """The target called now; `last_pool` stays when the call has ended."""
        self.last_pool: Pool | None = None
        self.place = 0
        self.upstream: UpstreamConnection | None = None
        self.tunnel: Tunnel | None = None
        self.upgrade = b""
        self.status = 0
        self.source = "gateway"
        self.failure: Failure | None = None
        self.last_failure = Failure.NO_TARGET
        self.received = self.sent = 0
        self.tries = self.stale = 0
        self.tried: AbstractSet[int] = _NONE_TRIED
        self.kept: list[bytes] | None = []
        self.kept_bytes = 0
        self.request_done = head.length == 0
        self.expects = head.expect
        """The client waits for a 100 before it sends its body."""
        self.begun = self.chunked = self.keep = self.over = self.probe = False
        self.counted = True
        self.started = perf_counter()
        self.first_byte = self.called = self.answer_seconds = 0.0
        self.total_due = 0.0
        self.due = 0.0
        self.bucket = 0

    # ---- from the client

    def begin(self) -> None:
        """Admit the request and answer it or call its upstream."""
        try:
            if admit(self):
                self._prepare()
                self._call()
        except Refused as refused:
            self.refused(refused.failure)

    def _prepare(self) -> None:
        service, plan = self.service, self.plan
        assert service is not None
        assert plan is not None
        assert plan.total_timeout_seconds is not None
        now = self.worker.clock()
        self.probe = service.enter(now)
        self.total_due = now + plan.total_timeout_seconds
        if self.expects and not self.request_done:
            self.client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.expects = False

    def request_body(self, data: bytes, *, done: bool) -> None:
        """Pass a piece of the body on, or keep it until there is a connection."""
        self.received += len(data)
        self.request_done = done
        if self.over:
            return
        if self.plan and self.received > self.plan.body_bytes:
            self.refused(Failure.BODY_TOO_LARGE)
            return
        if self.head.length == CHUNKED:
            data = (b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"0\r\n\r\n" if done else b"")
        if self.kept is not None:
            self._keep(data)
        upstream = self.upstream
        if upstream:
            upstream.write(data)
            if done:
                self._await_answer(upstream)

    def _keep(self, data: bytes) -> None:
        assert self.kept is not None
        self.kept.append(data)
        self.kept_bytes += len(data)
        if self.upstream is None:
            if self.kept_bytes > _WAITING_BYTES:
                self.client.pause_reading()
        elif self.kept_bytes > self._keepable_bytes:
            self.kept = None

    @property
    def _keepable_bytes(self) -> int:
        retry = self.service.policy.retry if self.service else None
        return retry.body_bytes if retry else -1

    def client_gone(self) -> None:
        """Cancel everything: nobody waits for the answer any more."""
        if self.tunnel:
            self.tunnel_closed()
        elif not self.over:
            self.failure = Failure.CLIENT_CLOSED
            self.source = "client"
            self.status = STATUS[Failure.CLIENT_CLOSED]
            self._leave("canceled")
            self._finish()

    def refused(self, failure: Failure) -> None:
        """Answer with a failure, or break off an answer that has begun."""
        if self.over:
            return
        if failure in (Failure.BODY_TIMEOUT, Failure.BODY_TOO_SLOW, Failure.HEAD_TIMEOUT):
            self.source = "client"
        self._leave("canceled")
        self.failure = failure
        if self.begun:
            self.status = STATUS[failure] if self.tunnel else self.status
            self.client.abort()
            self._finish()
        else:
            self.answer(*problem(self, failure))

    # ---- to the upstream

    def _call(self) -> None:
        service, request = self.service, self.request
        assert service is not None
        assert request is not None
        key = hash_key(service.policy.balance, request) if service.hashes else None
        place = service.choose(key, self.tried)
        if place is None:
            raise Refused(self.last_failure)
        self.tries += 1
        self.place = place
        self.pool = self.last_pool = pool = service.pools[place]
        pool.begun()
        connection = pool.acquire(self)
        if connection:
            self.connected(connection)

    def connected(self, connection: UpstreamConnection) -> None:
        """Send the request: head and what there is of the body."""
        self.upstream = connection
        plan, origin, pool, service = self.plan, self.origin, self.pool, self.service
        assert plan is not None
        assert origin is not None
        assert pool is not None
        assert service is not None
        self.called = perf_counter()
        wire = request_head(self, plan, origin, pool.host)
        if self.kept_bytes:
            wire += b"".join(self.kept or ())
            if self.kept_bytes > self._keepable_bytes:
                self.kept = None
        if self.request_done:
            due = min(self.worker.clock() + service.policy.timeouts.first_byte_seconds, self.total_due)
            connection.start(self, wire, due)
        else:
            connection.start(self, wire, self.total_due)
            self.client.resume_reading()

    def _await_answer(self, connection: UpstreamConnection) -> None:
        service = self.service
        assert service is not None
        due = self.worker.clock() + service.policy.timeouts.first_byte_seconds
        connection.arm(min(due, self.total_due))

    def _leave(self, outcome: str) -> None:
        """End the call to the upstream without its answer."""
        pool = self.pool
        if pool is None:
            return
        self.pool = None
        upstream, self.upstream = self.upstream, None
        if upstream is None:
            pool.withdraw(self)
        elif self.tunnel:
            upstream.hang_up()
        else:
            upstream.discard()
        self._ended(pool, outcome)

    def _ended(self, pool: Pool, outcome: str) -> None:
        service = self.service
        assert service is not None
        pool.ended(outcome)
        if self.probe:
            self.probe = False
            service.probed(outcome)

    # ---- from the upstream

    def bodiless(self, status: int) -> bool:
        """Say whether an answer of this status to this request has no body, whatever its headers say."""
        return status in _BODILESS or self.head.method == b"HEAD"

    def interim(self, status: int, headers: list[Header]) -> None:
        """Pass a 1xx on (RFC 9110 section 15.2), save the 100 that the gateway itself gives."""
        if status != 100 and self.head.http11:
            self.client.write(b"%b%b\r\n" % (STATUS_LINES[status], join(headers)))

    def upstream_failed(self, connection: UpstreamConnection, failure: Failure) -> None:
        """Try again elsewhere if that is safe and allowed, or answer with the failure."""
        stale = failure is Failure.UPSTREAM_RESET and connection.reused and not connection.first_byte
        self.call_failed(failure, stale=stale)

    def call_failed(self, failure: Failure, *, stale: bool = False) -> None:
        """Act on a call that brought no answer; `stale`: a kept connection turned out to be dead."""
        if stale and self.kept is not None and self.stale < _MOST_STALE and not self.is_unsafe:
            self.stale += 1
            self._leave("canceled")
            self._again()
            return
        if self.service:
            self.service.suspect(self.place, failure)
        self._leave("failure")
        reason = REASONS.get(failure)
        if reason and not self.begun and self._may_retry(reason):
            self.last_failure = failure
            self.tried |= {self.place}
            self._again()
        else:
            self.refused(failure)

    @property
    def is_unsafe(self) -> bool:
        """Whether doing the request twice is more than doing it once."""
        return self.request is None or self.request.method not in IDEMPOTENT

    def _again(self) -> None:
        try:
            self._call()
        except Refused as refused:
            self.refused(refused.failure)

    def _may_retry(self, reason: str) -> bool:
        service, request = self.service, self.request
        if service is None or request is None or service.policy.retry is None or self.probe:
            return False
        kept = self.kept is not None
        if not may_retry(service.policy.retry, request.method, reason, tries=self.tries - self.stale, body_kept=kept):
            return False
        return service.take_retry(reason)

    def upstream_late(self, connection: UpstreamConnection, now: float) -> None:
        """Name the deadline that has passed."""
        if self.tunnel:
            self.tunnel.look(now)
        elif now >= self.total_due:
            self.call_failed(Failure.TOTAL_TIMEOUT)
        elif self.client.paused:
            connection.arm(self.total_due)
        elif not connection.first_byte:
            self.call_failed(Failure.FIRST_BYTE_TIMEOUT)
        else:
            self.call_failed(Failure.IDLE_TIMEOUT)

    def expire(self, now: float) -> None:  # noqa: ARG002 - the signature of everything that has a deadline
        """Give up waiting for a connection."""
        self.call_failed(Failure.POOL_FULL)

    def response(self, head: AnswerHead, body: bytes, *, done: bool) -> None:
        """Begin the answer with what there is of its body."""
        status = head.status
        self.first_byte = now = perf_counter()
        self.answer_seconds = now - self.called
        plan, service = self.plan, self.service
        assert plan is not None
        assert service is not None
        if status >= 500 and not self.begun and self._may_retry(str(status)):
            self.tried |= {self.place}
            self._leave("failure")
            self._again()
            return
        service.answered(self.answer_seconds)
        self.status = status
        self.source = "upstream"
        lines = plan.response_headers.lines(head.headers, head.lines)
        wire = b"%b%b%b%b" % (
            STATUS_LINES[status],
            lines,
            b"" if head.dated else self.worker.date,
            self._framing(status, head.length),
        )
        self.begun = True
        if done:
            self.sent = len(body)
            self.client.write(wire + body)
            self._complete()
        else:
            self.client.write(wire)
            self.response_body(body, done=False)

    def _framing(self, status: int, length: int | None) -> bytes:
        """Say how the client finds the end of the answer, whether the connection lives on, and the request's id."""
        keep = self.head.keep_alive and not self.expects and self.client.persistent and not self.worker.closing
        framing = b""
        if length is not None and length >= 0:
            if status != _NO_CONTENT:
                framing = b"content-length: %d\r\n" % length
        elif not self.bodiless(status):
            if self.head.http11:
                self.chunked = True
                framing = b"transfer-encoding: chunked\r\n"
            else:
                keep = False
        self.keep = keep
        if not keep:
            framing += b"connection: close\r\n"
        elif not self.head.http11:
            framing += b"connection: keep-alive\r\n"
        return b"x-request-id: %b\r\n%b\r\n" % (self.request_id.encode(), framing)

    def response_body(self, data: bytes, *, done: bool) -> None:
        """Pass a piece of the answer on."""
        if data:
            self.sent += len(data)
            self.client.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)
        if done:
            if self.chunked:
                self.client.write(b"0\r\n\r\n")
            self._complete()
        elif self.upstream and self.service:
            due = self.worker.clock() + self.service.policy.timeouts.idle_seconds
            self.upstream.arm(min(due, self.total_due))

    def _complete(self) -> None:
        upstream, pool = self.upstream, self.pool
        self.upstream = self.pool = None
        if upstream and pool:
            upstream.finished(whole=self.request_done)
            self._ended(pool, "failure" if self.status >= 500 else "success")
        self._finish()

    # ---- answers of the gateway itself

    def answer(self, status: int, headers: list[Header], body: bytes) -> None:
        """Give an answer made here."""
        self.status = status
        self.first_byte = perf_counter()
        self.begun = True
        framing = self._framing(status, len(body))
        if self.bodiless(status):
            body = b""
        self.sent = len(body)
        self.client.write(b"%b%b%b%b%b" % (STATUS_LINES[status], join(headers), self.worker.date, framing, body))
        self._finish()

    # ---- tunnels

    def switched(self, headers: list[Header]) -> None:
        """Turn the exchange into a pipe: the upstream said 101 to the protocol the client asked for."""
        plan = self.plan
        assert plan is not None
        self.status = 101
        self.source = "upstream"
        self.counted = False
        self.begun = True
        self.first_byte = perf_counter()
        self.answer_seconds = self.first_byte - self.called
        self.client.write(
            b"%b%bconnection: upgrade\r\nupgrade: %b\r\nx-request-id: %b\r\n\r\n"
            % (STATUS_LINES[101], join(plan.response_headers.apply(headers)), self.upgrade, self.request_id.encode())
        )
        self.tunnel = Tunnel(self)
        self.tunnel.open()

    def tunnel_closed(self) -> None:
        """End a pipe whose other end is gone, or that rested too long."""
        self.keep = False
        self._leave("success")
        self._finish()

    # ---- back-pressure

    def pause_response(self) -> None:
        if self.upstream:
            self.upstream.pause_reading()

    def resume_response(self) -> None:
        if self.upstream:
            self.upstream.resume_reading()

    def _finish(self) -> None:
        if self.over:
            return
        self.over = True
        if self.bucket:
            self.worker.timers.forget(self)
        if self.probe and self.service:
            self.probe = False
            self.service.probed("canceled")
        self.worker.account.finished(self)
        if self.failure is not Failure.CLIENT_CLOSED:
            self.client.answered(keep=self.keep)
