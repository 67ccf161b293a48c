"""An open loop at an offered rate: what was due, what truly left, what came back, and how long each answer took.

The generator is openloop.c, a process of its own on the generator's core: at twice the capacity of the fastest product
it sends some 50,000 requests a second, of which Python could send a tenth.
"""

import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import msgspec

from bench.compiled import OPENLOOP, build
from bench.machine import pinned

Turn = Literal["all", "few"]
WARM_SECONDS = 1.0
GRACE_SECONDS = 60.0
"""How long beyond its own duration a generator may take before it is stopped."""


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long the answers of one status took, from when their requests were due."""

    count: int
    p50_seconds: float = 0.0
    p99_seconds: float = 0.0
    p999_seconds: float = 0.0
    most_seconds: float = 0.0


NONE = Times(count=0)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a rate; the requests of the warm-up are left out."""

    seconds: float = 0.0
    sent: int
    """Requests that were given a connection."""
    on_time: int
    """Those that left within 0.1 s of when they were due: what was truly offered."""
    unsent: int
    """Requests for which no connection came free while their client had patience."""
    gave_up: int
    """Requests sent, whose client had no answer when its patience ended."""
    broken: int
    """Connections that ended instead of an answer."""
    refused: int
    """Connections that could not be opened."""
    connections: int
    """The most that were open at a time."""
    late_p99_seconds: float
    """How late the generator was itself."""
    answers: dict[int, Times]
    """By status."""

    @property
    def due(self) -> int:
        return self.sent + self.unsent

    def times(self, status: int) -> Times:
        return self.answers.get(status, NONE)

    @property
    def failed(self) -> int:
        """Count what was due and not answered with 200."""
        return self.due - self.times(200).count


def percentile(ordered: list[float], share: float) -> float:
    """Take the nearest-rank percentile of values in ascending order; 0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def offer(
    port: int,
    asked: str | Path,
    *,
    rate: float,
    seconds: float,
    connections: int,
    most: int | None = None,
    patience_seconds: float = 2.0,
    warm_seconds: float = WARM_SECONDS,
    turn: Turn = "all",
    core: int | None,
) -> Offer:
    """Offer `rate` requests a second for `seconds`, from `connections` that are there and up to `most` in all.

    Asked is a path, or what a file of whole requests says, all of one length. All connections take their turn, or as few
    as are needed. Without a `core` of its own the generator runs wherever there is room.

    Raises:
        NotBuiltError: there is no C compiler.
        subprocess.SubprocessError: the generator failed, or did not end.

    """
    numbers = (rate, seconds, connections, most or connections, patience_seconds, warm_seconds)
    what = f"@{asked}" if isinstance(asked, Path) else asked
    with pinned(core) if core is not None else nullcontext():
        done = subprocess.run(
            [build(OPENLOOP), str(port), what, *map(str, numbers), turn],
            capture_output=True,
            text=True,
            timeout=seconds + warm_seconds + GRACE_SECONDS,
            check=True,
        )
    return msgspec.structs.replace(msgspec.json.decode(done.stdout, type=Offer), seconds=seconds)
