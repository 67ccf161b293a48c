"""Counts every exchange and writes its access-log line: one of each, whatever became of the request."""

from __future__ import annotations

import time
from time import perf_counter
from typing import TYPE_CHECKING, Final

from exporters.catalog.gateway import LOG_DROPPED, LOG_LINES
from gateway.core.record import AccessRecord, Timestamps, encode, referrer, scrub, text
from gateway.proxy.table import UNROUTED
from gateway.store.slot import Word

if TYPE_CHECKING:
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.table import Meter
    from gateway.proxy.worker import Worker


_CLASSES: Final = {digit: f"{digit}xx" for digit in range(1, 6)}


class Account:
    """The books of one worker."""

    __slots__ = ("_dropped", "_lines", "_timestamps", "_unix_offset", "_worker", "generation")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._timestamps = Timestamps()
        tally = worker.slot.tally
        self._lines = tally.index(LOG_LINES, ())
        self._dropped = tally.index(LOG_DROPPED, ())
        self.generation = 0
        self.set_clock()

    def set_clock(self) -> None:
        """Follow the wall clock, from which `perf_counter` runs away over days."""
        self._unix_offset = time.time() - perf_counter()

    def begun(self, exchange: Exchange) -> None:
        worker = self._worker
        worker.words[Word.IN_FLIGHT] += 1
        worker.values[exchange.lane.in_flight] += 1

    def routed(self, exchange: Exchange) -> None:
        """Move a request in flight to the lane it turned out to belong to; `exchange.lane` is set already."""
        values = self._worker.values
        values[self._worker.unrouted.in_flight] -= 1
        values[exchange.lane.in_flight] += 1

    def finished(self, exchange: Exchange) -> None:
        """Close the books on an exchange. The line goes first: a process killed in between has lost one in flight."""
        worker, lane, status = self._worker, exchange.lane, exchange.status
        now = perf_counter()
        seconds = now - exchange.started
        self._log(exchange, seconds)
        values = worker.values
        method = exchange.head.method
        index = lane.responses.get((method, status))
        values[lane.response(method, status) if index is None else index] += 1
        values[lane.in_flight] -= 1
        worker.words[Word.IN_FLIGHT] -= 1
        worker.words[Word.REQUESTS] += 1
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
        status = exchange.status
        kind = "499" if status == 499 else _CLASSES[status // 100]
        self._worker.values[meter.requests[kind, exchange.source]] += 1
        if exchange.first_byte:
            unix = exchange.first_byte + self._unix_offset
            meter.first_byte.observe_exemplar(exchange.first_byte - exchange.started, exchange.trace_id, unix)
            meter.duration.observe(seconds)

    def _log(self, exchange: Exchange, seconds: float) -> None:
        worker = self._worker
        worker.words[Word.SEQUENCE] += 1
        line = encode(self._record(exchange, seconds, worker.words[Word.SEQUENCE]))
        worker.values[self._lines if worker.ring.put(line) else self._dropped] += 1

    def _record(self, exchange: Exchange, seconds: float, sequence: int) -> AccessRecord:
        head, admitted, client, pool = exchange.head, exchange.admitted, exchange.client, exchange.last_pool
        path, query = _path_and_query(exchange)
        agent = came_from = b""
        for name, value in head.headers:
            if name == b"user-agent":
                agent = value
            elif name == b"referer":
                came_from = value
        duration = int(seconds * 1e9)
        upstream = int(exchange.answer_seconds * 1e9) if exchange.called else None
        return AccessRecord(
            timestamp=self._timestamps.text(exchange.started + self._unix_offset),
            method=head.method.decode() or UNROUTED,
            domain=admitted.request.host if admitted else text(head.host),
            path=path,
            query=scrub(query) if query else "",
            scheme=admitted.origin.scheme if admitted else "",
            version="1.1" if head.http11 else "1.0",
            status=exchange.status,
            received_bytes=exchange.received,
            sent_bytes=exchange.sent,
            duration=duration,
            source_ip=client.hop.peer or None,
            client_ip=(admitted.origin.client if admitted else client.hop.peer) or None,
            user_agent=text(agent) if agent else "",
            referrer=referrer(came_from) if came_from else "",
            request_id=exchange.request_id,
            trace_id=exchange.trace_id,
            route="" if exchange.lane is self._worker.unrouted else exchange.lane.name,
            arm=exchange.arm,
            target=pool.target if pool else "",
            upstream_duration=upstream,
            gateway_duration=None
            if upstream is None
            else max(0, int((exchange.first_byte - exchange.started) * 1e9) - upstream),
            retries=max(0, exchange.tries - 1),
            failure=exchange.failure.value if exchange.failure else "",
            answered_by=exchange.source,
            generation=self.generation,
            worker=self._worker.name,
            sequence=sequence,
        )


def _path_and_query(exchange: Exchange) -> tuple[str, str]:
    if exchange.admitted:
        return exchange.admitted.request.path, exchange.admitted.request.query
    path, _, query = text(exchange.head.target).partition("?")
    return path, query
