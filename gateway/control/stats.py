"""`/stats`: what the gateway does right now, for people and scripts that have no Prometheus at hand."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

from exporters.catalog.gateway import (
    DURATION,
    FAILURES,
    FIRST_BYTE,
    IN_FLIGHT,
    REQUESTS,
    RESPONSES,
    UPSTREAM_CONNECTIONS,
    UPSTREAM_IN_FLIGHT,
    UPSTREAM_REQUESTS,
)
from exporters.catalog.metric import Metric
from gateway.control.endpoints import TargetState
from gateway.control.rates import Between, History, Latency
from gateway.control.workers import Worker
from gateway.core.breaker import State
from gateway.core.snapshot import Endpoints, Snapshot
from gateway.store.totals import Totals
from gateway.store.vitals import vitals

WINDOW_SECONDS = 10.0
"""What rates and latencies of routes and targets are taken over."""
RATES_SECONDS = (1.0, 10.0, 60.0)


class RouteStats(msgspec.Struct, frozen=True):
    """One route over the last ten seconds."""

    requests_per_second: float
    errors_ratio: float
    """Share of 5xx, whoever made them, among requests that count."""
    in_flight: int
    first_byte_seconds: Latency
    duration_seconds: Latency


class TargetStats(msgspec.Struct, frozen=True):
    """One target over the last ten seconds."""

    up: bool
    ejected: bool
    requests_per_second: float
    failures_per_second: float
    in_flight: int
    connections: int


class VersionStats(msgspec.Struct, frozen=True):
    """One version of an upstream."""

    breaker: State
    targets: dict[str, TargetStats]


class ProcessStats(msgspec.Struct, frozen=True):
    """One worker."""

    pid: int
    live: bool
    uptime_seconds: float
    heartbeat_age_seconds: float
    generation: int
    connections: int
    loop_lag_seconds: float
    cpu_ratio: float | None
    """Share of one core since the last look; None for a process that is not there."""


class Stats(msgspec.Struct, frozen=True):
    """The whole answer."""

    generation: int
    requests_per_second: dict[str, float]
    connections: int
    in_flight: int
    routes: dict[str, RouteStats]
    upstreams: dict[str, dict[str, VersionStats]]
    failures: dict[str, int]
    """Failed requests by name since the gateway started."""
    workers: dict[str, ProcessStats]


class CpuMeter:
    """CPU time of processes between two looks, from /proc."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[float, float]] = {}

    def ratios(self, pids: Iterable[int]) -> dict[int, float]:
        """Return each process' share of a core since it was last looked at."""
        now = time.monotonic()
        seen = {}
        for pid in pids:
            with suppress(OSError):  # it has just ended
                seen[pid] = (now, vitals(pid).cpu_seconds)
        ratios = {
            pid: (used - self._last[pid][1]) / max(now - self._last[pid][0], 1e-9)
            for pid, (_, used) in seen.items()
            if pid in self._last
        }
        self._last = seen
        return ratios


class View(msgspec.Struct, frozen=True):
    """What control knows without reading the counters."""

    snapshot: Snapshot
    published: Endpoints
    targets: tuple[TargetState, ...]
    workers: tuple[Worker, ...]
    cpu: dict[int, float]
    """Share of a core, by pid."""


def describe(view: View, totals: Totals, history: History) -> Stats:
    """Put the answer together; whatever left the spec is left out."""
    between = history.last(WINDOW_SECONDS)
    live = [worker for worker in view.workers if worker.live]
    return Stats(
        generation=view.snapshot.generation,
        requests_per_second=_rates(history),
        connections=sum(worker.connections for worker in live),
        in_flight=sum(_sums(totals.gauges, IN_FLIGHT, "route").values()),
        routes=_routes(view.snapshot, totals, between),
        upstreams=_upstreams(view, totals, between),
        failures=_sums(totals.counters, FAILURES, "failure"),
        workers={worker.name: _process(worker, view.cpu) for worker in view.workers},
    )


def _rates(history: History) -> dict[str, float]:
    rates = {}
    for seconds in RATES_SECONDS:
        between = history.last(seconds)
        answered = sum(between.sum_by(RESPONSES.name).values()) if between else 0
        rates[f"{seconds:.0f}s"] = answered / between.seconds if between else 0.0
    return rates


def _routes(snapshot: Snapshot, totals: Totals, between: Between | None) -> dict[str, RouteStats]:
    in_flight = _sums(totals.gauges, IN_FLIGHT, "route")
    answered = between.sum_by(RESPONSES.name, "route") if between else {}
    counted = between.sum_by(REQUESTS.name, "route") if between else {}
    failed = between.sum_by(REQUESTS.name, "route", where={"class": "5xx"}) if between else {}
    first_byte = between.latency_by(FIRST_BYTE.name, "route") if between else {}
    duration = between.latency_by(DURATION.name, "route") if between else {}
    nothing = Latency(None, None, None)
    return {
        route: RouteStats(
            requests_per_second=answered.get((route,), 0) / between.seconds if between else 0.0,
            errors_ratio=failed.get((route,), 0) / counted[route,] if counted.get((route,)) else 0.0,
            in_flight=in_flight.get(route, 0),
            first_byte_seconds=first_byte.get(route, nothing),
            duration_seconds=duration.get(route, nothing),
        )
        for route in snapshot.spec.routes
    }


def _upstreams(view: View, totals: Totals, between: Between | None) -> dict[str, dict[str, VersionStats]]:
    names = ("upstream", "version", "target")
    seconds = between.seconds if between else 1.0
    calls = between.sum_by(UPSTREAM_REQUESTS.name, *names) if between else {}
    failures = between.sum_by(UPSTREAM_REQUESTS.name, *names, where={"outcome": "failure"}) if between else {}
    upstreams: dict[str, dict[str, VersionStats]] = {}
    for one in view.targets:
        place = (one.upstream, one.version, one.target)
        state = view.published.versions.get((one.upstream, one.version))
        version = upstreams.setdefault(one.upstream, {}).setdefault(
            one.version, VersionStats(state.breaker if state else State.CLOSED, {})
        )
        labels = tuple(zip(names, place, strict=True))
        version.targets[one.target] = TargetStats(
            up=one.up,
            ejected=one.ejected,
            requests_per_second=calls.get(place, 0) / seconds,
            failures_per_second=failures.get(place, 0) / seconds,
            in_flight=totals.gauges.get((UPSTREAM_IN_FLIGHT.name, labels), 0),
            connections=totals.gauges.get((UPSTREAM_CONNECTIONS.name, labels), 0),
        )
    return upstreams


def _process(worker: Worker, cpu: Mapping[int, float]) -> ProcessStats:
    return ProcessStats(
        pid=worker.pid,
        live=worker.live,
        uptime_seconds=worker.uptime_seconds,
        heartbeat_age_seconds=worker.heartbeat_age_seconds,
        generation=worker.generation,
        connections=worker.connections,
        loop_lag_seconds=worker.lag_seconds,
        cpu_ratio=cpu.get(worker.pid),
    )


def _sums(values: Mapping[tuple[str, tuple[tuple[str, str], ...]], int], metric: Metric, label: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for (name, labels), value in values.items():
        if name == metric.name:
            group = dict(labels)[label]
            sums[group] = sums.get(group, 0) + value
    return sums
