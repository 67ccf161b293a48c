"""What the bridge measures, under the catalogue's names. What is so right now is read from the store at each scrape."""

import sqlite3
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from alerts.pagerduty.bridge import letters, queue
from alerts.pagerduty.core.intake import Action, Verdict
from exporters.catalog import bridge as catalog
from exporters.catalog.metric import Metric

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
DELIVERY = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
REASONS = ("refused", "expired", "unreadable")
FAILURES = ("400", "429", "500", "502", "503", "504", "timeout", "network", "tls", "secret")
"""Why calls fail; another status gets its series with its first call, of which no rate can know."""


class Meter:
    """All series of one bridge, there from the start at 0."""

    def __init__(self, keys: Iterable[str]) -> None:
        """`keys` are the names of the routing keys."""
        self._keys = tuple(keys)
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._counters = {metric: self._counter(metric) for metric in catalog.CATALOGUE if metric.kind == "counter"}
        self._gauges = {metric: self._gauge(metric) for metric in catalog.CATALOGUE if metric.kind == "gauge"}
        self._histograms = {
            metric: Histogram(
                metric.name, metric.help, metric.labels, registry=self.registry,
                buckets=DELIVERY if metric is catalog.DELIVERY_SECONDS else QUICK,
            )
            for metric in catalog.CATALOGUE
            if metric.kind == "histogram"
        }  # fmt: skip
        self._begin()

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(by)

    def show(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[metric]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def took(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Observe a duration."""
        histogram = self._histograms[metric]
        (histogram.labels(*labels) if labels else histogram).observe(seconds)

    def committed(self, seconds: float, is_good: bool) -> None:
        """Tell how a commit went."""
        self.took(catalog.COMMIT_SECONDS, seconds)
        self.show(catalog.STORE_UP, float(is_good))
        if not is_good:
            self.count(catalog.STORE_FAULTS)

    def look(self, connection: sqlite3.Connection, now: float) -> None:
        """Read what is so now."""
        depths = queue.depths(connection)
        rows = connection.execute("SELECT target, count(*) FROM incidents WHERE is_open GROUP BY target")
        is_open: Mapping[str, int] = dict(rows.fetchall())
        for key in self._keys:
            depth = depths.get(key)
            self.show(catalog.QUEUED, depth.events if depth else 0, key)
            self.show(catalog.OLDEST, max(now - depth.oldest_at, 0.0) if depth else 0.0, key)
            self.show(catalog.OPEN, is_open.get(key, 0), key)
        dead = letters.counts(connection)
        for reason in REASONS:
            self.show(catalog.DEAD, dead.get(reason, 0), reason)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def _begin(self) -> None:
        for verdict in Verdict:
            self.count(catalog.RECEIVED, verdict.value, by=0)
        for code in ("200", "400", "401", "413", "503"):
            self.count(catalog.WEBHOOKS, code, by=0)
        for what in ("orphaned", "untold", "lost", "over"):
            self.count(catalog.RECONCILED, what, by=0)
        for key in self._keys:
            for action in Action:
                self.count(catalog.SENT, key, action.value, by=0)
            for reason in FAILURES:
                self.count(catalog.FAILED, key, reason, by=0)
            for metric in (catalog.PAUSED, catalog.STORM):
                self.show(metric, 0, key)
        self.show(catalog.STORE_UP, 1)
