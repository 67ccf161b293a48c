"""Counts every exchange and writes its access-log line: one of each, whatever became of the request."""

from __future__ import annotations

import time
from time import perf_counter
from typing import TYPE_CHECKING, Final

from exporters.catalog.gateway import LOG_DROPPED, LOG_LINES
from gateway.core.failure import STATUS
from gateway.core.record import AccessRecord, Timestamps, encode, scrub, text
from gateway.store.slot import Word

if TYPE_CHECKING:
    from gateway.core.tls import Handshake
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.table import Meter
    from gateway.proxy.worker import Worker


_SEQUENCE: Final = int(Word.SEQUENCE)
_SWITCHING: Final = 101
_CLASSES: Final = {digit: f"{digit}xx" for digit in range(1, 6)}


class Account:
    """The books of one worker."""

    __slots__ = ("_dropped", "_latest", "_lines", "_timestamps", "_unix_offset", "_worker", "generation")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._latest: Exchange | None = None
        self._timestamps = Timestamps()
        tally = worker.slot.tally
        self._lines = tally.index(LOG_LINES, ())
        self._dropped = tally.index(LOG_DROPPED, ())
        self.generation = 0
        self.set_clock()

    def set_clock(self) -> None:
        """Follow the wall clock, from which `perf_counter` runs away over days."""
        self._unix_offset = time.time() - perf_counter()

    def finished(self, exchange: Exchange) -> None:
        """Close the books on an exchange: behind its answer where it is the only one, for then somebody waits for that.

        They are closed in the order in which answers ended. Never more than one is left open, so a killed process leaves at most one answer without a line.
        """
        exchange.ended = perf_counter()
        earlier, self._latest = self._latest, exchange
        if earlier:
            self._close(earlier)
        else:
            self._worker.outbox.behind(self.settle)

    def settle(self) -> None:
        """Close the books that were left open."""
        exchange, self._latest = self._latest, None
        if exchange:
            self._close(exchange)

    def _close(self, exchange: Exchange) -> None:
        """Write the line first: a process killed in between has lost one in flight."""
        worker, lane, status = self._worker, exchange.lane, exchange.status
        seconds = exchange.ended - exchange.started
        self._log(exchange, seconds)
        values = worker.values
        method = exchange.head.method
        index = lane.responses.get((method, status))
        values[lane.response(method, status) if index is None else index] += 1
        if lane is not worker.unrouted:
            values[lane.in_flight] -= 1
        if exchange.received:
            values[lane.received] += exchange.received
        values[lane.sent] += exchange.sent
        failure = exchange.failure
        if failure:
            index = lane.failures.get(failure)
            values[lane.fault(failure) if index is None else index] += 1
        if exchange.counted and lane.meters:
            self._measure(lane.meters[exchange.arm], exchange, seconds)

    def _measure(self, meter: Meter, exchange: Exchange, seconds: float) -> None:
        # An answer broken off is as bad as what broke it, whatever its first line said.
        status = STATUS[exchange.failure] if exchange.failure else exchange.status
        kind = "499" if status == 499 and exchange.source == "client" else _CLASSES[status // 100]
        self._worker.values[meter.requests[kind, exchange.source]] += 1
        if exchange.first_byte:
            unix = exchange.first_byte + self._unix_offset
            meter.first_byte.observe_exemplar(exchange.first_byte - exchange.started, exchange.trace_id, unix)
            meter.duration.observe(seconds)

    def _log(self, exchange: Exchange, seconds: float) -> None:
        worker = self._worker
        worker.words[_SEQUENCE] = sequence = worker.words[_SEQUENCE] + 1
        line = encode(self._record(exchange, seconds, sequence))
        worker.values[self._lines if worker.ring.put(line) else self._dropped] += 1

    def _record(self, exchange: Exchange, seconds: float, sequence: int) -> AccessRecord:
        head, request = exchange.head, exchange.request
        path, _, query = (text(head.target) if request is None else "").partition("?")
        # By position: keywords cost four times as much. The order is that of the Struct.
        record = AccessRecord(
            self._timestamps.text(exchange.started + self._unix_offset),
            head.verb,
            path if request is None else request.path,
            "1.1" if head.http11 else "1.0",
            exchange.status,
            exchange.received,
            exchange.sent,
            int(seconds * 1e9),
            exchange.request_id,
            exchange.trace_id,
            exchange.source,
            self.generation,
            self._worker.name,
            sequence,
        )
        record.domain = text(head.host) if request is None else request.host
        query = query if request is None else request.query
        if query:
            record.query = scrub(query)
        self._add_client(record, exchange)
        if exchange.plan is not None:
            self._add_upstream(record, exchange)
        if exchange.failure:
            record.failure = exchange.failure
            record.limit = exchange.limit
        return record

    @staticmethod
    def _add_client(record: AccessRecord, exchange: Exchange) -> None:
        record.source_ip = record.client_ip = exchange.client.hop.peer or None
        origin = exchange.origin
        if origin is not None:
            record.client_ip = origin.client or None
            record.scheme = origin.scheme
        if exchange.client.handshake is not None:
            _add_tls(record, exchange.client.handshake)
        record.user_agent = exchange.head.agent
        record.referrer = exchange.head.referrer
        caller = exchange.caller
        if caller is not None:
            record.consumer, record.subject, record.means = caller.consumer, caller.subject, caller.means

    @staticmethod
    def _add_upstream(record: AccessRecord, exchange: Exchange) -> None:
        record.route = exchange.lane.name
        record.arm = exchange.arm
        plan, request = exchange.plan, exchange.request
        if plan is not None and plan.cors is not None and request is not None:
            origin = request.header("origin")
            if origin is not None:
                record.cors = "allowed" if plan.cors.allows(origin) else "foreign"
        if exchange.upgrade and exchange.status == _SWITCHING:
            record.protocol = exchange.upgrade.decode()
        call = exchange.call
        if call is not None and call.tries:
            record.target = call.target
            record.retries = call.tries - 1
            record.upstream_duration = upstream = int(call.answer_seconds * 1e9)
            record.gateway_duration = max(0, int((exchange.first_byte - exchange.started) * 1e9) - upstream)


def _add_tls(record: AccessRecord, handshake: Handshake) -> None:
    record.tls_version = handshake.version
    record.tls_cipher = handshake.cipher
    record.tls_server_name = handshake.server_name
    record.tls_resumed = handshake.resumed
    record.tls_subject = handshake.subject
    record.tls_names = handshake.names
