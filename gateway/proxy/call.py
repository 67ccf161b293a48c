"""The calls an exchange makes to its upstream: which target, on which connection, how often, and until when.

A call ends in an answer (handed to the exchange), in another call where that is safe and allowed, or in a failure. It
never writes to the client.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from gateway.core.balance import hash_key
from gateway.core.failure import Failure, Refused
from gateway.core.retry import IDEMPOTENT, REASONS, may_retry
from gateway.proxy.admission import request_head

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gateway.core.plan import Plan
    from gateway.core.request import Request
    from gateway.proxy.answer import AnswerHead
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.pool import Pool
    from gateway.proxy.service import Service
    from gateway.proxy.upstream import UpstreamConnection

_WAITING_BYTES: Final = 64 * 1024
"""Of a body that waits for a connection; beyond it the client is read no further."""
_MOST_STALE: Final = 3
"""Idle connections that may turn out dead one after the other before it counts as a failure."""
_NONE_TRIED: Final[frozenset[int]] = frozenset()


class Call:
    """One request's way to an upstream and back, over all tries."""

    __slots__ = (
        "_kept", "_kept_bytes", "_last_failure", "_place", "_plan", "_pool", "_probe", "_request", "_stale", "_tried",
        "answer_seconds", "bucket", "called", "connection", "due", "exchange", "is_unsafe", "service", "target",
        "total_due", "tries",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, service: Service, plan: Plan, request: Request) -> None:
        """Pass the breaker.

        Raises:
            Refused: `BREAKER_OPEN`.

        """
        self.exchange = exchange
        self.service = service
        self._plan = plan
        self._request = request
        self.connection: UpstreamConnection | None = None
        self.target = ""
        """The URL of the target called last."""
        self.tries = self._stale = self._place = self._kept_bytes = 0
        self.called = self.answer_seconds = 0.0
        self.is_unsafe = request.method not in IDEMPOTENT
        """Whether doing the request twice is more than doing it once."""
        self._pool: Pool | None = None
        self._kept: list[bytes] | None = []
        self._tried: AbstractSet[int] = _NONE_TRIED
        self._last_failure = Failure.NO_TARGET
        self.due = 0.0
        self.bucket = 0
        now = exchange.worker.clock()
        self._probe = service.enter(now)
        assert plan.total_timeout_seconds is not None
        self.total_due = now + plan.total_timeout_seconds

    # ---- to the upstream

    def begin(self) -> None:
        """Choose a target and call it, or wait for a connection to it.

        Raises:
            Refused: no target is left, or too many wait for this one.

        """
        service = self.service
        key = hash_key(service.policy.balance, self._request) if service.hashes else None
        place = service.choose(key, self._tried)
        if place is None:
            raise Refused(self._last_failure)
        self.tries += 1
        self._place = place
        self._pool = pool = service.pools[place]
        self.target = pool.target
        pool.begun()
        connection = pool.acquire(self)
        if connection:
            self.connected(connection)

    def connected(self, connection: UpstreamConnection) -> None:
        """Send the request: head and what there is of the body."""
        self.connection = connection
        exchange, pool = self.exchange, self._pool
        assert pool is not None
        self.called = perf_counter()
        wire = request_head(exchange, self._plan, pool.host)
        if self._kept_bytes:
            wire += b"".join(self._kept or ())
            if self._kept_bytes > self._keepable_bytes:
                self._kept = None
        if exchange.request_done:
            connection.start(self, wire, self._answer_due())
        else:
            connection.start(self, wire, self.total_due)
            if not connection.paused:
                exchange.client.resume_reading()

    def _answer_due(self) -> float:
        due = self.exchange.worker.clock() + self.service.policy.timeouts.first_byte_seconds
        return min(due, self.total_due)

    def body(self, data: bytes, *, done: bool) -> None:
        """Pass a piece of the request's body on, framed as it is to be sent, or keep it until there is a connection."""
        self.exchange.worker.slot.beat()
        if self._kept is not None:
            self._keep(data)
        connection = self.connection
        if connection:
            connection.write(data)
            if done and not self.exchange.begun:
                connection.arm(self._answer_due())

    def _keep(self, data: bytes) -> None:
        assert self._kept is not None
        self._kept.append(data)
        self._kept_bytes += len(data)
        if self.connection is None:
            if self._kept_bytes > _WAITING_BYTES:
                self.exchange.client.pause_reading()
        elif self._kept_bytes > self._keepable_bytes:
            self._kept = None

    @property
    def _keepable_bytes(self) -> int:
        retry = self.service.policy.retry
        return retry.body_bytes if retry else 0

    # ---- from the upstream

    def response(self, head: AnswerHead, body: bytes, *, done: bool) -> None:
        """Hand the answer over, unless its status asks for another try."""
        exchange = self.exchange
        self.answer_seconds = perf_counter() - self.called
        if head.status >= 500 and not exchange.begun and self._may_retry(str(head.status)):
            self._tried |= {self._place}
            self.leave("failure")
            self._again()
            return
        self.service.answered(self.answer_seconds)
        exchange.response(head, body, done=done)

    def progress(self) -> None:
        """Wait for the next piece of the answer. A turn that moves pieces for many may be long: it hangs no more than this."""
        worker = self.exchange.worker
        worker.slot.beat()
        if self.connection:
            due = worker.clock() + self.service.policy.timeouts.idle_seconds
            self.connection.arm(min(due, self.total_due))

    def switched(self) -> None:
        """Take the breaker's probe for passed: what the answer has opened may last for days."""
        self.answer_seconds = perf_counter() - self.called
        self._end_probe("success")

    def complete(self, *, whole: bool, success: bool) -> None:
        """Give the connection back: the answer is complete; `whole` says that the request was, too."""
        connection, pool = self.connection, self._pool
        self.connection = self._pool = None
        if connection and pool:
            connection.finished(whole=whole)
            self._ended(pool, "success" if success else "failure")

    def connection_failed(self, connection: UpstreamConnection, failure: Failure) -> None:
        """Act on a connection that is gone or broken; one that was kept and brought no byte had only gone stale."""
        stale = failure is Failure.UPSTREAM_RESET and connection.reused and not connection.first_byte
        if stale and self._kept is not None and self._stale < _MOST_STALE and not self.is_unsafe:
            self._stale += 1
            self.leave("canceled")
            self._again()
        else:
            self.failed(failure)

    def failed(self, failure: Failure) -> None:
        """Try again elsewhere if that is safe and allowed, or answer with the failure."""
        self.service.suspect(self._place, failure)
        self.leave("canceled" if failure is Failure.OVERLOAD else "failure")
        reason = REASONS.get(failure)
        if reason and not self.exchange.begun and self._may_retry(reason):
            self._last_failure = failure
            self._tried |= {self._place}
            self._again()
        else:
            self.exchange.refused(failure)

    def late(self, connection: UpstreamConnection, now: float) -> None:
        """Name the deadline that has passed."""
        exchange = self.exchange
        if exchange.tunnel:
            exchange.tunnel.look(now)
        elif now >= self.total_due:
            self.failed(Failure.TOTAL_TIMEOUT)
        elif exchange.client.paused:
            connection.arm(self.total_due)
        elif not connection.first_byte:
            self.failed(Failure.FIRST_BYTE_TIMEOUT)
        else:
            self.failed(Failure.IDLE_TIMEOUT)

    def expire(self, now: float) -> None:
        """Give up waiting for a connection."""
        self.failed(Failure.TOTAL_TIMEOUT if now >= self.total_due else Failure.POOL_FULL)

    # ---- tries and their end

    def _again(self) -> None:
        try:
            self.begin()
        except Refused as refused:
            self.exchange.refused(refused.failure)

    def _may_retry(self, reason: str) -> bool:
        retry = self.service.policy.retry
        if retry is None or self._probe:
            return False
        tries, kept = self.tries - self._stale, self._kept is not None
        if not may_retry(retry, self._request.method, reason, tries=tries, body_kept=kept):
            return False
        return self.service.take_retry(reason)

    def leave(self, outcome: str) -> None:
        """End the call without its answer, or with all of it that matters."""
        pool = self._pool
        if pool is None:
            self._end_probe(outcome)
            return
        self._pool = None
        connection, self.connection = self.connection, None
        if connection is None:
            pool.withdraw(self)
        elif self.exchange.tunnel:
            connection.hang_up()
        else:
            connection.discard()
        self._ended(pool, outcome)

    def _ended(self, pool: Pool, outcome: str) -> None:
        pool.ended(outcome)
        self._end_probe(outcome)

    def _end_probe(self, outcome: str) -> None:
        if self._probe:
            self._probe = False
            self.service.probed(outcome)
