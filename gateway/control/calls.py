"""How calls to targets ended since the last look, read straight from the workers' counters.

It runs ten times a second, so it knows the place of each counter it needs and reads nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable

from exporters.catalog.gateway import BREAKER_PROBES, UPSTREAM_REQUESTS
from gateway.store.directory import Series
from gateway.store.slot import Slot

Labels = tuple[str, ...]

_WANTED = frozenset({UPSTREAM_REQUESTS.name, BREAKER_PROBES.name})


class _Tail:
    """The counters wanted of one slot, and what they held at the last look."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._position = 0
        self._counters: list[tuple[str, Labels, int]] = []
        self._seen: list[int] = []

    def news(self) -> Iterable[tuple[str, Labels, int]]:
        """Yield the increases since the last look; a counter met later began at 0."""
        self._position, entries = self._slot.directory.read(self._position)
        for entry in entries:
            if isinstance(entry, Series) and entry.name in _WANTED:
                self._counters.append((entry.name, entry.labels, entry.at))
                self._seen.append(0)
        values = self._slot.values
        for place, (name, labels, at) in enumerate(self._counters):
            value = values[at]
            if value != self._seen[place]:
                yield name, labels, value - self._seen[place]
                self._seen[place] = value


class Calls:
    """Increases of the call counters, summed over workers."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._tails = [_Tail(slot) for slot in slots]
        self.ended: dict[Labels, int] = {}
        """By upstream, version, target, outcome: what the last look found."""
        self.probes: dict[Labels, int] = {}
        """By upstream, version, outcome."""
        self.look()  # what was counted before this process began was judged by the last one

    def look(self) -> None:
        """Read the counters."""
        news: dict[str, dict[Labels, int]] = {name: defaultdict(int) for name in _WANTED}
        for tail in self._tails:
            for name, labels, increase in tail.news():
                news[name][labels] += increase
        self.ended = news[UPSTREAM_REQUESTS.name]
        self.probes = news[BREAKER_PROBES.name]
