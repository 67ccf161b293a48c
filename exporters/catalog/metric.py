"""What a metric is."""

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
