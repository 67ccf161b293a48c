"""What all processes of all builds counted, added up. Reading runs beside the writers and never disturbs them.

Counters and histograms are added over every slot. A gauge is what is so now: that of a worker is added over the builds
that live; one that describes a single process (it has a `worker` label, or another process than a worker keeps it) is
taken from the reader's own build alone.
"""

from bisect import bisect_left
from enum import Enum, auto

import msgspec

from exporters.catalog.metric import Metric
from gateway.store.directory import Family, Series
from gateway.store.slot import Slot
from gateway.store.tally import EXEMPLAR_VALUES

Key = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a metric, and its labels as (name, value) in the order of its catalogue."""


class Exemplar(msgspec.Struct, frozen=True):
    """One observation with its trace."""

    seconds: float
    unix_seconds: float
    trace_id: str


class Buckets(msgspec.Struct):
    """One histogram: counts per bucket, not cumulative, the last one beyond every edge."""

    edges_seconds: tuple[float, ...]
    counts: list[int]
    sum_nanoseconds: int = 0
    exemplars: list[Exemplar | None] = []

    def add(self, other: "Buckets") -> None:
        """Add another build's buckets; where edges differ, each goes to the first of ours that is not lower."""
        for bucket, count in enumerate(other.counts):
            upper = other.edges_seconds[bucket : bucket + 1]
            self.counts[bisect_left(self.edges_seconds, upper[0]) if upper else -1] += count
        self.sum_nanoseconds += other.sum_nanoseconds
        for exemplar in filter(None, other.exemplars):
            self.keep(exemplar)

    def keep(self, exemplar: Exemplar) -> None:
        """Remember the latest exemplar of each bucket."""
        bucket = bisect_left(self.edges_seconds, exemplar.seconds)
        kept = self.exemplars[bucket]
        if kept is None or kept.unix_seconds < exemplar.unix_seconds:
            self.exemplars[bucket] = exemplar


class Totals(msgspec.Struct):
    """A sum over slots."""

    families: dict[str, Metric] = {}
    counters: dict[Key, int] = {}
    """Those whose unit is seconds are in nanoseconds; so are such gauges."""
    gauges: dict[Key, int] = {}
    histograms: dict[Key, Buckets] = {}

    def add(self, other: "Totals") -> None:
        """Add another sum to this one; where families differ, ours stays."""
        self.families = other.families | self.families
        for key, value in other.counters.items():
            self.counters[key] = self.counters.get(key, 0) + value
        for key, value in other.gauges.items():
            self.gauges[key] = self.gauges.get(key, 0) + value
        for key, buckets in other.histograms.items():
            self.add_buckets(key, buckets)

    def add_buckets(self, key: Key, buckets: Buckets) -> None:
        """Add one histogram; the edges that came first stay."""
        mine = self.histograms.get(key)
        if mine is None:
            size = len(buckets.counts)
            self.histograms[key] = mine = Buckets(buckets.edges_seconds, [0] * size, 0, [None] * size)
        mine.add(buckets)


class Gauges(Enum):
    """Which gauges of a slot count."""

    ALL = auto()
    SHARED = auto()
    """Only those that are added up over processes."""
    NONE = auto()


class SlotReader:
    """Reads one slot again and again; the directory is decoded once."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self._position = 0
        self._families: dict[str, Metric] = {}
        self._series: list[tuple[Key, Series, Metric]] = []

    def add_to(self, totals: Totals, gauges: Gauges) -> None:
        """Add what the slot holds now."""
        self._learn()
        totals.families = self._families | totals.families
        for key, series, metric in reversed(self._series):  # the latest edges of a histogram win
            match metric.kind:
                case "counter":
                    totals.counters[key] = totals.counters.get(key, 0) + self.slot.values[series.at]
                case "histogram":
                    totals.add_buckets(key, self._buckets(series))
                case "gauge" if gauges is Gauges.ALL or (gauges is Gauges.SHARED and "worker" not in metric.labels):
                    totals.gauges[key] = totals.gauges.get(key, 0) + self.slot.values[series.at]

    def _learn(self) -> None:
        self._position, entries = self.slot.directory.read(self._position)
        for entry in entries:
            match entry:
                case Family(metric):
                    self._families[metric.name] = metric
                case Series(name, labels):
                    metric = self._families[name]
                    self._series.append(((name, tuple(zip(metric.labels, labels, strict=True))), entry, metric))

    def _buckets(self, series: Series) -> Buckets:
        size = len(series.edges_seconds) + 1
        *counts, total = self.slot.values[series.at : series.at + size + 1].tolist()
        buckets = Buckets(series.edges_seconds, counts, total, [None] * size)
        at = series.at + size + 1
        for bucket in range(size):
            exemplar = self._exemplar(at + bucket * EXEMPLAR_VALUES)
            if exemplar:
                buckets.keep(exemplar)
        return buckets

    def _exemplar(self, at: int) -> Exemplar | None:
        values = self.slot.values
        guard = values[at]
        if guard == 0 or guard % 2:
            return None
        nanoseconds, milliseconds, high, low = values[at + 1 : at + EXEMPLAR_VALUES].tolist()
        if values[at] != guard:
            return None
        return Exemplar(nanoseconds / 1e9, milliseconds / 1e3, f"{high:016x}{low:016x}")
