"""What a metric is, and what a recorded series is."""

from typing import Literal

from msgspec import Struct


class Metric(Struct, frozen=True):
    """One metric family. Counters end in `_total` when exposed; seconds are held as whole nanoseconds in memory."""

    name: str
    """The family's name without `_total`, `_bucket`, `_sum` or `_count`."""
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    unit: Literal["", "seconds", "bytes", "ratio"] = ""

    @property
    def exposed(self) -> str:
        """The name a query uses; a histogram's is followed by `_bucket`, `_sum` or `_count`."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


class Recorded(Struct, frozen=True):
    """A series that a rule records: `level:metric:operation` (Prometheus' naming of recording rules)."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    """All it has: what identifies a scraped process is summed away."""
