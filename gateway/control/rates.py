"""What happened per second: samples of the totals over the last minute, and the sums and quantiles between two of them."""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping

import msgspec

from exporters.catalog.gateway import DURATION, FIRST_BYTE, REQUESTS, RESPONSES, UPSTREAM_REQUESTS
from gateway.store.totals import Key, Totals

KEPT_SECONDS = 61.0
COST_RATIO = 0.02
"""Sampling takes at most this share of a core: with very many series it happens less often."""

_WANTED = frozenset(metric.name for metric in (REQUESTS, RESPONSES, UPSTREAM_REQUESTS, FIRST_BYTE, DURATION))

Labels = dict[str, str]


class Sample(msgspec.Struct, frozen=True):
    """The totals `/stats` needs, at one moment (seconds, monotonic)."""

    at: float
    counters: dict[Key, int]
    counts: dict[Key, list[int]]
    edges_seconds: tuple[float, ...]


class Latency(msgspec.Struct, frozen=True):
    """Estimates in seconds; None where nothing was observed."""

    p50: float | None
    p90: float | None
    p99: float | None


def sample(totals: Totals, at: float) -> Sample:
    """Keep of the totals what rates are made of."""
    histograms = {key: buckets for key, buckets in totals.histograms.items() if key[0] in _WANTED}
    return Sample(
        at,
        {key: value for key, value in totals.counters.items() if key[0] in _WANTED},
        {key: list(buckets.counts) for key, buckets in histograms.items()},
        next((buckets.edges_seconds for buckets in histograms.values()), ()),
    )


class Between:
    """What happened from one sample to a later one."""

    def __init__(self, before: Sample, after: Sample) -> None:
        self.seconds = max(after.at - before.at, 1e-9)
        self._edges = after.edges_seconds
        self._sums: dict[str, list[tuple[Labels, int]]] = {}
        for key, value in after.counters.items():
            self._sums.setdefault(key[0], []).append((dict(key[1]), value - before.counters.get(key, 0)))
        self._counts: dict[str, list[tuple[Labels, list[int]]]] = {}
        for key, counts in after.counts.items():
            self._counts.setdefault(key[0], []).append((dict(key[1]), _grown(counts, before.counts.get(key))))

    def sum_by(self, name: str, *labels: str, where: Mapping[str, str] | None = None) -> dict[tuple[str, ...], int]:
        """Add up a counter's increase by these labels; `where` keeps the series with these values."""
        sums: dict[tuple[str, ...], int] = {}
        for found, increase in self._sums.get(name, ()):
            if all(found.get(label) == value for label, value in (where or {}).items()):
                group = tuple(found[label] for label in labels)
                sums[group] = sums.get(group, 0) + increase
        return sums

    def latency_by(self, name: str, label: str) -> dict[str, Latency]:
        """Estimate the quantiles of a histogram by one label."""
        sums: dict[str, list[int]] = {}
        for found, grown in self._counts.get(name, ()):
            mine = sums.setdefault(found[label], [0] * len(grown))
            sums[found[label]] = [one + more for one, more in zip(mine, grown, strict=True)]
        return {
            group: Latency(*(quantile(self._edges, counts, rank) for rank in (0.5, 0.9, 0.99)))
            for group, counts in sums.items()
        }


class History:
    """Samples of the last minute, oldest first."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, new: Sample) -> None:
        """Keep a sample and let go of those that are too old."""
        self._samples.append(new)
        while self._samples[0].at < new.at - KEPT_SECONDS:
            self._samples.popleft()

    def last(self, seconds: float) -> Between | None:
        """Return what happened in about the last `seconds`, or since the first sample; None before there are two."""
        if len(self._samples) < 2:
            return None
        newest = self._samples[-1]
        earlier = [one for one in self._samples if one is not newest]
        before = min(earlier, key=lambda one: abs(newest.at - one.at - seconds))
        return Between(before, newest)


def _grown(counts: list[int], before: list[int] | None) -> list[int]:
    if before is None:
        return counts
    if len(before) != len(counts):  # a reload changed the edges: nothing can be said of this interval
        return [0] * len(counts)
    return [now - then for now, then in zip(counts, before, strict=True)]


def pause_seconds(cost_seconds: float) -> float:
    """How long to wait before the next sample, given what the last one cost."""
    return max(1.0, cost_seconds / COST_RATIO)


def quantile(edges_seconds: tuple[float, ...], counts: list[int], rank: float) -> float | None:
    """Estimate a quantile from counts per bucket, linear within one; beyond the last edge that edge is all one knows.

    None when nothing was observed.
    """
    sums = [0]
    for count in counts:
        sums.append(sums[-1] + count)
    wanted = rank * sums[-1]
    if sums[-1] == 0 or not edges_seconds:
        return None
    bucket = bisect_left(sums, wanted, lo=1) - 1
    if bucket >= len(edges_seconds):
        return edges_seconds[-1]
    lower = edges_seconds[bucket - 1] if bucket else 0.0
    within = (wanted - sums[bucket]) / counts[bucket] if counts[bucket] else 0.0
    return lower + (edges_seconds[bucket] - lower) * within
