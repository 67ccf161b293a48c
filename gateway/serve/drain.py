"""When a build stops what: readiness first, then new connections, then everything."""

import msgspec

from gateway.spec.listen import Drain
from gateway.store.process import Phase

END_SECONDS = 1.0
"""How long workers and control may take to end in phase STOP; then they are killed."""
WRITER_SECONDS = 5.0
"""How long the writer may take to write what is left; what it cannot write, the next start finds."""


class Timeline(msgspec.Struct, frozen=True):
    """The moments (CLOCK_MONOTONIC, seconds) at which a drain goes on."""

    closing_at: float
    stop_at: float

    def phase(self, now: float, *, workers: int) -> Phase:
        """Say what phase it is while so many workers live; without any there is nothing to wait for."""
        if now >= self.stop_at or (now >= self.closing_at and not workers):
            return Phase.STOP
        return Phase.CLOSING if now >= self.closing_at else Phase.LAME


def drain(now: float, policy: Drain, *, was_ready: bool) -> Timeline:
    """Stop because someone asked: whoever balances over us gets `grace` to see that readiness fails."""
    closing_at = now + (policy.grace_seconds if was_ready else 0)
    return Timeline(closing_at, closing_at + policy.deadline_seconds)


def give_way(now: float, policy: Drain) -> Timeline:
    """Stop because the next build serves on the same sockets: nobody needs to be told."""
    return Timeline(now, now + policy.deadline_seconds)


def at_once(now: float) -> Timeline:
    """Stop without waiting for anybody."""
    return Timeline(now, now)
