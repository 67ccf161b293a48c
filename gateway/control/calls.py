"""How calls to targets ended since the last look, read ten times a second from the workers' counters."""

from collections import defaultdict
from collections.abc import Iterable

from exporters.catalog.gateway import BREAKER_PROBES, UPSTREAM_REQUESTS
from gateway.control.tail import Labels, Tail
from gateway.store.slot import Slot


class Calls:
    """Increases of the call counters, summed over workers."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._tails = [Tail(slot, UPSTREAM_REQUESTS, BREAKER_PROBES) for slot in slots]
        self.ended: dict[Labels, int] = {}
        """By upstream, version, target, outcome: what the last look found."""
        self.probes: dict[Labels, int] = {}
        """By upstream, version, outcome."""
        self.look()  # what was counted before this process began was judged by the last one

    def look(self) -> None:
        """Read the counters."""
        news: dict[str, dict[Labels, int]] = defaultdict(lambda: defaultdict(int))
        for tail in self._tails:
            for name, labels, increase in tail.news():
                news[name][labels] += increase
        self.ended = news[UPSTREAM_REQUESTS.name]
        self.probes = news[BREAKER_PROBES.name]
