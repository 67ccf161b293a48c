"""How calls ended during the last seconds: the sliding window that ejection and breaker judge by.

A window is a value: adding to it gives a new one. It keeps at most `SLICES + 1` sums, whatever the traffic.
"""

from msgspec import Struct

SLICES = 20
"""Parts a window is cut into: an outcome is forgotten at an age between 19/20 of the window and all of it."""


class Slice(Struct, frozen=True):
    """The outcomes counted during one part of the window."""

    begun: float
    successes: int
    failures: int


class Window(Struct, frozen=True):
    """Outcomes by the time they were seen (seconds, monotonic), oldest first."""

    slices: tuple[Slice, ...] = ()

    @property
    def failures(self) -> int:
        return sum(part.failures for part in self.slices)

    @property
    def requests(self) -> int:
        return sum(part.successes + part.failures for part in self.slices)

    def add(self, successes: int, failures: int, *, now: float, seconds: float) -> "Window":
        """Count outcomes seen now and forget those older than `seconds`."""
        kept = tuple(part for part in self.slices if part.begun > now - seconds)
        if not successes and not failures:
            return self if len(kept) == len(self.slices) else Window(kept)
        if kept and now - kept[-1].begun < seconds / SLICES:
            last = kept[-1]
            return Window((*kept[:-1], Slice(last.begun, last.successes + successes, last.failures + failures)))
        return Window((*kept, Slice(now, successes, failures)))

    def fails(self, *, requests: int, failures_ratio: float) -> bool:
        """Say whether enough was seen to judge, and at least this share of it failed."""
        seen, failed = self.requests, self.failures
        return seen >= requests and failed > 0 and failed >= failures_ratio * seen
