"""`/metrics`: the totals of all processes in the words of Prometheus.

No Counter object is ever set: a custom collector reads the shared counters. What is so right now (a gauge of the
supervision itself) is described by the caller, from words and state, so that what left the spec leaves the gauges too;
counters never leave.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as Proof
from prometheus_client.utils import floatToGoString

from exporters.catalog.gateway import CATALOGUE
from exporters.catalog.metric import Metric
from gateway.store.totals import Buckets, Key, Totals

Labels = tuple[str, ...]
Now = Mapping[Metric, Mapping[Labels, float]]
"""Gauges described by the caller, in the units of their names; labels in the order of the catalogue."""

_NANO = 1e9


class _Reading(Collector):
    """One scrape."""

    def __init__(self, totals: Totals, now: Now) -> None:
        self._totals = totals
        self._now = now

    def collect(self) -> Iterator[Family]:
        """Yield every family of the catalogue, with or without series, and those only another build knows."""
        series = _by_name(self._totals)
        described = {metric.name: values for metric, values in self._now.items()}
        metrics = {metric.name: metric for metric in CATALOGUE}
        for name, metric in ({**self._totals.families, **metrics}).items():
            family = Family(name, metric.help, metric.kind, metric.unit)
            if name in described:
                for labels, gauge in described[name].items():
                    family.add_sample(name, dict(zip(metric.labels, labels, strict=True)), gauge)
            else:
                for key, value in series[name]:
                    _add(family, metric, dict(key[1]), value)
            yield family


def render(totals: Totals, now: Now, accept: str) -> tuple[bytes, str]:
    """Return the text and its content type: OpenMetrics if the `Accept` header asks for it, else Prometheus' own."""
    encode, content_type = choose_encoder(accept)
    return encode(_Reading(totals, now)), content_type


def _by_name(totals: Totals) -> Mapping[str, list[tuple[Key, int | Buckets]]]:
    series: dict[str, list[tuple[Key, int | Buckets]]] = defaultdict(list)
    for values in (totals.counters, totals.gauges, totals.histograms):
        for key, value in values.items():
            series[key[0]].append((key, value))
    return series


def _add(family: Family, metric: Metric, labels: dict[str, str], value: int | Buckets) -> None:
    if isinstance(value, Buckets):
        _add_histogram(family, labels, value)
        return
    name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
    family.add_sample(name, labels, value / _NANO if metric.unit == "seconds" else float(value))


def _add_histogram(family: Family, labels: dict[str, str], buckets: Buckets) -> None:
    below = 0
    edges = (*(floatToGoString(edge) for edge in buckets.edges_seconds), "+Inf")
    for edge, count, exemplar in zip(edges, buckets.counts, buckets.exemplars, strict=True):
        below += count
        proof = Proof({"trace_id": exemplar.trace_id}, exemplar.seconds, exemplar.unix_seconds) if exemplar else None
        family.add_sample(f"{family.name}_bucket", {**labels, "le": edge}, below, exemplar=proof)
    family.add_sample(f"{family.name}_sum", labels, buckets.sum_nanoseconds / _NANO)
    family.add_sample(f"{family.name}_count", labels, below)
