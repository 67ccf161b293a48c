"""The counters of one process. An increment is one store in shared memory: no lock, no call, nothing lost by a kill.

Counters and gauges take one value. A histogram takes one value per bucket (not cumulative), one for its sum in
nanoseconds, and five per bucket for an exemplar. Seconds are always held as whole nanoseconds.
"""

from bisect import bisect_left

from exporters.catalog.gateway import OVERFLOW
from exporters.catalog.metric import Metric
from gateway.store.directory import Directory, Family, Series

OVERFLOW_LABEL = "__overflow__"
"""Every label value of the series that takes what is beyond the cap."""

OVERFLOW_VALUES = 16_384
"""Values kept free for the overflow series of every family of the catalogue."""

EXEMPLAR_VALUES = 5
"""Guard (odd while written), nanoseconds observed, Unix milliseconds, trace id high and low."""

VALUES_PER_SERIES = 1 + EXEMPLAR_VALUES
"""What one series as a scrape shows it needs at most; a histogram's sum and +Inf bucket count as series too."""

_EXEMPLAR_EVERY_MILLISECONDS = 1000

_Key = tuple[str, tuple[str, ...], tuple[float, ...]]


class Histogram:
    """One series of a histogram; the sum is exact to the nanosecond."""

    __slots__ = ("_at", "_edges", "_exemplars", "_sum", "_values")

    def __init__(self, values: memoryview, at: int, edges_seconds: tuple[float, ...]) -> None:
        self._values = values
        self._at = at
        self._edges = edges_seconds
        self._sum = at + len(edges_seconds) + 1
        self._exemplars = self._sum + 1

    def observe(self, seconds: float) -> None:
        """Count one observation, not negative; an upper edge belongs to its bucket."""
        values = self._values
        values[self._at + bisect_left(self._edges, seconds)] += 1
        values[self._sum] += int(seconds * 1e9)

    def observe_at_once(self, count: int) -> None:
        """Count so many that took no time worth measuring."""
        self._values[self._at] += count

    def observe_exemplar(self, seconds: float, trace_id: str, now: float) -> None:
        """Count as `observe`, and keep the trace (32 hexadecimal digits) unless the bucket kept one within the last second.

        `now` is Unix time in seconds.
        """
        values = self._values
        bucket = bisect_left(self._edges, seconds)
        values[self._at + bucket] += 1
        values[self._sum] += int(seconds * 1e9)
        at = self._exemplars + bucket * EXEMPLAR_VALUES
        milliseconds = int(now * 1000)
        if 0 <= milliseconds - values[at + 2] < _EXEMPLAR_EVERY_MILLISECONDS:
            return
        guard = values[at] | 1
        values[at] = guard
        values[at + 1] = int(seconds * 1e9)
        values[at + 2] = milliseconds
        values[at + 3] = int(trace_id[:16], 16)
        values[at + 4] = int(trace_id[16:], 16)
        values[at] = guard + 1


class Tally:
    """Names become indexes once; after that hot code does `values[index] += 1`. For the slot's owner alone."""

    def __init__(self, directory: Directory, values: memoryview, most_series: int) -> None:
        self.values = values
        self._directory = directory
        self._most_series = most_series
        self._series = 0
        self._used_values = 0
        self._metrics: dict[str, Metric] = {}
        self._known: dict[_Key, int] = {}
        self._adopt()
        self._refused = self.index(OVERFLOW, ())

    def index(self, metric: Metric, labels: tuple[str, ...]) -> int:
        """Return where a counter or gauge lives, at 0 if it is new; labels in the order of `metric.labels`.

        Beyond the cap it is the family's `__overflow__` series, and `OVERFLOW` counts the refusal.
        """
        return self._place(metric, labels, ())

    def add(self, metric: Metric, labels: tuple[str, ...], amount: int = 1) -> None:
        """Count something that is too rare for its place to be remembered."""
        self.values[self.index(metric, labels)] += amount

    def histogram(self, metric: Metric, labels: tuple[str, ...], edges_seconds: tuple[float, ...]) -> Histogram:
        """Return one series of a histogram with these upper edges; the cap applies as in `index`."""
        return Histogram(self.values, self._place(metric, labels, edges_seconds), edges_seconds)

    def zero_gauges(self) -> None:
        """Forget what a predecessor measured: what it held open ended with it."""
        for (name, _, _), at in self._known.items():
            if self._metrics[name].kind == "gauge":
                self.values[at] = 0

    def _place(self, metric: Metric, labels: tuple[str, ...], edges: tuple[float, ...]) -> int:
        at = self._known.get((metric.name, labels, edges))
        if at is not None:
            return at
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} takes the labels {metric.labels}, not {labels}")
        if self._series + _series(edges) > self._most_series:
            return self._overflow(metric, edges)
        at = self._register(metric, labels, edges, keep_free_bytes=OVERFLOW_VALUES * 4)
        return self._overflow(metric, edges) if at is None else at

    def _overflow(self, metric: Metric, edges: tuple[float, ...]) -> int:
        self.values[self._refused] += 1
        labels = (OVERFLOW_LABEL,) * len(metric.labels)
        at = self._known.get((metric.name, labels, edges))
        if at is None:
            at = self._register(metric, labels, edges, keep_free_bytes=0)
        if at is None:
            raise MemoryError(f"no room for the overflow series of {metric.name}")
        return at

    def _register(
        self, metric: Metric, labels: tuple[str, ...], edges: tuple[float, ...], *, keep_free_bytes: int
    ) -> int | None:
        entry = Series(metric.name, labels, self._used_values, edges)
        if metric.name not in self._metrics and not self._directory.append(Family(metric), keep_free_bytes):
            return None
        self._metrics.setdefault(metric.name, metric)
        if self._used_values + _values(edges) > len(self.values) or not self._directory.append(entry, keep_free_bytes):
            return None
        self._know(entry)
        return entry.at

    def _know(self, entry: Series) -> None:
        self._known[entry.name, entry.labels, entry.edges_seconds] = entry.at
        self._used_values = entry.at + _values(entry.edges_seconds)
        if OVERFLOW_LABEL not in entry.labels:
            self._series += _series(entry.edges_seconds)

    def _adopt(self) -> None:
        _, entries = self._directory.read(0)
        for entry in entries:
            match entry:
                case Family(metric):
                    self._metrics[metric.name] = metric
                case Series():
                    self._know(entry)


def _series(edges: tuple[float, ...]) -> int:
    """How many series a scrape shows: every bucket, +Inf, sum and count."""
    return len(edges) + 3 if edges else 1


def _values(edges: tuple[float, ...]) -> int:
    return (len(edges) + 1) * VALUES_PER_SERIES + 1 if edges else 1
