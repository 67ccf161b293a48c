"""Closed loop: 64 connections, each with one request under way. How much a core can do, and at what price."""

from collections.abc import Callable, Sequence

from bench.load import Load, wrk
from bench.product import DIRECT, SMALL, Entrant, Product
from bench.scenarios.scenario import PeakMemory, Setting, Values, with_cost
from bench.serving import Running

CONNECTIONS = 64
WARM_SECONDS = 1.0


def with_direct(products: Sequence[Product]) -> list[Entrant]:
    """Take every product as it is, behind the upstream alone."""
    return [Entrant(product.name, product) for product in (DIRECT, *products)]


class ClosedLoop:
    """One path asked for again and again; the product's core is the limit, or the result says that it was not."""

    def __init__(
        self,
        name: str,
        title: str,
        *,
        path: str = SMALL,
        body_bytes: int = 0,
        post: bool = False,
        unique: bool = False,
        entrants: Callable[[Sequence[Product]], list[Entrant]] = with_direct,
    ) -> None:
        self.name = name
        self.title = title
        self._path = path
        self._body_bytes = body_bytes
        self._post_bytes = body_bytes if post else 0
        self._unique = unique
        self._entrants = entrants

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return self._entrants(products)

    def measure(self, running: Running, setting: Setting) -> Values:
        self._load(running, setting, WARM_SECONDS)
        before = running.tree.memory()
        with PeakMemory(running) as peak:
            load, cost = with_cost(running, setting.cores, lambda: self._load(running, setting, setting.seconds))
        return {
            "requests_per_second": load.requests / load.seconds,
            "body_bytes_per_second": load.requests * self._body_bytes / load.seconds,
            "cpu_seconds_per_request": cost.cpu_seconds / max(1, load.requests),
            "p50_seconds": load.p50_seconds,
            "p99_seconds": load.p99_seconds,
            "failed": load.failed,
            "rss_bytes": peak.memory.rss_bytes,
            "pss_bytes": peak.memory.pss_bytes,
            "growth_bytes_per_connection": max(0, peak.memory.rss_bytes - before.rss_bytes) / CONNECTIONS,
            **cost.shares(),
        }

    def _load(self, running: Running, setting: Setting, seconds: float) -> Load:
        return wrk(
            running.url(self._path),
            seconds=seconds,
            core=setting.cores.load,
            connections=CONNECTIONS,
            post_bytes=self._post_bytes,
            unique=self._unique,
            headers=running.entrant.headers,
        )
