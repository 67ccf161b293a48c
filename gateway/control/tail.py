"""Counters of a worker as they grow, read straight from its slot by whoever looks many times a second."""

from collections.abc import Iterable

from exporters.catalog.metric import Metric
from gateway.store.directory import Series
from gateway.store.slot import Slot

Labels = tuple[str, ...]


class Tail:
    """The counters wanted of one slot, and what they held at the last look; it knows their places and reads nothing else."""

    def __init__(self, slot: Slot, *wanted: Metric) -> None:
        self._slot = slot
        self._wanted = frozenset(metric.name for metric in wanted)
        self._position = 0
        self._counters: list[tuple[str, Labels, int]] = []
        self._seen: list[int] = []

    def news(self) -> Iterable[tuple[str, Labels, int]]:
        """Yield the increases since the last look; a counter met later began at 0."""
        self._position, entries = self._slot.directory.read(self._position)
        for entry in entries:
            if isinstance(entry, Series) and entry.name in self._wanted:
                self._counters.append((entry.name, entry.labels, entry.at))
                self._seen.append(0)
        values = self._slot.values
        for place, (name, labels, at) in enumerate(self._counters):
            value = values[at]
            if value != self._seen[place]:
                yield name, labels, value - self._seen[place]
                self._seen[place] = value
