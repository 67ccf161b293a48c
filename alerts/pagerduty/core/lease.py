"""Who of two bridges sends. Both store all; the holder of the lease sends, and the other takes over when it falls silent.

There is no third party to ask, so a bridge that cannot hear its peer sends: two bridges that both send make the same
events with the same keys, which PagerDuty takes as one. What must never be is that neither does.
"""

from msgspec import Struct
from msgspec.structs import replace

LEASE_SECONDS = 10.0
"""Silence after which the other bridge takes over."""
RENEW_SECONDS = 2.0


class Lease(Struct, frozen=True, kw_only=True):
    """What one bridge believes."""

    me: str
    holder: str
    """Empty until one is known."""
    term: int
    """Grows with each take-over; of two holders the one of the greater term is right."""
    heard: float
    """When the holder was last heard of, or since when this bridge waits; monotonic seconds."""

    @property
    def is_mine(self) -> bool:
        return self.holder == self.me


def waited(lease: Lease, now: float) -> Lease:
    """Take over if the holder has been silent too long."""
    if lease.is_mine or now - lease.heard < LEASE_SECONDS:
        return lease
    return replace(lease, holder=lease.me, term=lease.term + 1, heard=now)


def told(lease: Lease, holder: str, term: int, now: float) -> Lease:
    """Hear what the other bridge believes; the greater term wins, of equal ones the greater name."""
    theirs, ours = (term, holder), (lease.term, lease.holder)
    if not holder or theirs < ours:
        return lease
    if lease.is_mine and theirs == ours:
        return lease
    return replace(lease, holder=holder, term=term, heard=now)
