"""What series there are: those of the catalogue, those the judged files record, and those somebody showed us.

A name under a prefix of ours must be in the catalogue. Of other names nothing is said, unless a scrape was given: then
whatever it lacks is unknown.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from exporters.catalog import bridge, games, gateway, objective, prometheus
from exporters.catalog.metric import Metric

OWNED = ("gateway_", "casino_", "bridge_", "release_", "logs_", "objective:")
SCRAPED = frozenset({"job", "instance"})
OF_RULES = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
"""What every Prometheus has by itself, whatever is scraped."""

Kind = Literal["counter", "gauge", "histogram", "unknown"]


class Known(Struct, frozen=True):
    """One series name."""

    kind: Kind
    labels: frozenset[str] | None
    """All it may have; None: nobody knows."""
    edges: frozenset[str] = frozenset()
    """Of buckets: the values of `le` that were seen."""


class Inventory(Struct, frozen=True):
    """Every series name that is known."""

    series: dict[str, Known]
    is_complete: bool = False
    """What is not in it does not exist."""

    def find(self, name: str) -> Known | None:
        """Return what is known of a name."""
        return self.series.get(name)

    def lacks(self, name: str) -> bool:
        """Whether there is surely no such series."""
        if name in self.series or name in OF_RULES:
            return False
        return self.is_complete or name.startswith(OWNED)

    def with_more(self, series: dict[str, Known], *, is_complete: bool | None = None) -> "Inventory":
        """Add series; what is known already keeps its labels, and learns its edges."""
        merged = dict(self.series)
        for name, known in series.items():
            before = merged.get(name)
            merged[name] = known if before is None else Known(before.kind, before.labels, known.edges or before.edges)
        return Inventory(merged, self.is_complete if is_complete is None else is_complete)


def catalogue() -> Inventory:
    """Return what this product exposes and records, and what it reads of Prometheus and Alertmanager."""
    metrics: Iterable[Metric] = (*gateway.CATALOGUE, *bridge.CATALOGUE, *games.CATALOGUE, *prometheus.CATALOGUE)
    series = {name: known for metric in metrics for name, known in _exposed(metric).items()}
    series |= {each.name: Known("gauge", frozenset(each.labels)) for each in objective.CATALOGUE}
    return Inventory(series)


def _exposed(metric: Metric) -> dict[str, Known]:
    labels = frozenset(metric.labels) | SCRAPED
    if metric.kind != "histogram":
        return {metric.exposed: Known(metric.kind, labels)}
    parts: dict[str, frozenset[str]] = {"bucket": frozenset({"le"}), "sum": frozenset(), "count": frozenset()}
    return {f"{metric.exposed}_{part}": Known("histogram", labels | more) for part, more in parts.items()}
