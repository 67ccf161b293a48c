"""What gateways share, in words every store can speak: buckets that owe time, and counters that end.

A gateway decides alone and tells afterwards: a charge is never refused. Debts are spans of time, measured by the
store's clock alone, so the clocks of hosts need not agree. A batch has a number, so that one told twice, because its
answer was lost, counts once. Nothing here ever sits on the way of a request.
"""

from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Charge(Struct, frozen=True):
    """What one gateway let through one bucket since it last told."""

    bucket: str
    cost_seconds: float
    """How long the bucket takes to refill that: requests / rate. 0 only asks."""
    age_seconds: float
    """How long ago the first of these requests was at most: the bucket has refilled since."""
    ceiling_seconds: float
    """What the bucket may owe at most afterwards; the rest is forgiven. It bounds what an outage, or a clock of the
    store that was set back, can cost a caller."""


class Use(Struct, frozen=True):
    """What one gateway let through under one quota since it last told."""

    counter: str
    """Names the quota, the caller and the period."""
    amount: int
    lasts_seconds: float
    """How long the store must remember the counter from now."""


class Batch(Struct, frozen=True):
    """One exchange. Told again with the same number it changes nothing more and is answered with what is so now."""

    session: str
    """One life of one control process."""
    number: int
    """Ascends from 1 within the session."""
    charges: tuple[Charge, ...] = ()
    uses: tuple[Use, ...] = ()


class Answer(Struct, frozen=True):
    """What all gateways used together, in the order of the batch."""

    owed_seconds: tuple[float, ...]
    """Time until each bucket is full again if nobody asks; not above 0: it is."""
    used: tuple[int, ...]


class StoreFault(StrEnum):
    """Why an exchange failed."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    """Wrong or missing password, or a user that may not do this."""
    REFUSED = "refused"
    """The store answered that it will not: read-only, full, loading, damaged, of another version."""


class StoreError(Exception):
    """An exchange failed; what was told may have been counted, so it is told again under the same number."""

    def __init__(self, fault: StoreFault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class SharedStore(Protocol):
    """A store. One exchange at a time."""

    async def exchange(self, batch: Batch) -> Answer:
        """Tell and learn.

        Raises StoreError, after the store's timeout at the latest: tell the same batch again. Whatever part of it was
        counted already counts once.
        """

    async def close(self) -> None:
        """Let go of connections and files."""


SESSION_SECONDS = 86_400
"""How long a store remembers the number of a session's last batch; after a longer outage that one may count twice."""

BUCKET_KEPT_SECONDS = 1.0
"""How long a bucket is remembered after it is full again: a batch on its way may yet be older than that."""


def tat_after(tat: float, now: float, charge: Charge) -> float:
    """Return the bucket's new theoretical arrival time (GCRA), in seconds of the store's clock.

    The charge counts from its age on, since the bucket refilled meanwhile, but never from before what was told already.
    """
    return min(max(tat, now - charge.age_seconds) + charge.cost_seconds, now + charge.ceiling_seconds)
