"""The circuit breaker of one version of an upstream, for the whole gateway: closed, open, half open.

Control steps it; the workers obey. While half open exactly `probes` requests may pass in all workers together. They
are dealt out as allowances, one number per worker. A worker may get no traffic, so after a while the unused ones are
recalled, and dealt to others only once every worker is known to have read the recall: no probe is handed out twice.
"""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from gateway.core.window import Window
from gateway.spec.upstream import Breaker as Policy

PATIENCE_SECONDS = 0.3
"""How long a worker may sit on unused probes."""


class State(StrEnum):
    """What the breaker lets through: everything, a few probes, nothing."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class Probes(Struct, frozen=True):
    """The probes of one half-open phase, counted over all workers since it began."""

    started: int = 0
    successes: int = 0
    failures: int = 0
    canceled: int = 0
    """Given up by the client: they prove nothing and are let through again."""

    def plus(self, more: "Probes") -> "Probes":
        return Probes(
            self.started + more.started,
            self.successes + more.successes,
            self.failures + more.failures,
            self.canceled + more.canceled,
        )

    def left(self, policy: Policy) -> int:
        """How many more may begin."""
        return policy.probes - self.started + self.canceled


class Breaker(Struct, frozen=True):
    """The state of one breaker."""

    state: State = State.CLOSED
    since: float = 0.0
    """When the state was entered or, half open, when the last deal was made (seconds, monotonic)."""
    deal: int = 0
    """Serial number of the last deal: a worker that meets a new one forgets its old allowance."""
    allowances: tuple[int, ...] = ()
    """Half open: probes dealt to each worker, by its number; all 0 after a recall."""
    probes: Probes = Probes()
    window: Window = Window()


class Facts(Struct, frozen=True):
    """What was seen since the last step."""

    successes: int = 0
    failures: int = 0
    probes: Probes = Probes()
    workers: tuple[int, ...] = ()
    """Numbers (from 1) of the workers that live."""
    read: bool = True
    """Every living worker has read the last deal, and its probes begun before are counted."""


def step(breaker: Breaker, facts: Facts, policy: Policy, now: float, *, answer_seconds: float) -> Breaker:
    """Take what was seen into account; `answer_seconds`: longest time an answer to a probe may take."""
    return STEPS[breaker.state](breaker, facts, policy, now, answer_seconds)


def _closed(breaker: Breaker, facts: Facts, policy: Policy, now: float, _: float) -> Breaker:
    window = breaker.window.add(facts.successes, facts.failures, now=now, seconds=policy.window_seconds)
    if window.fails(requests=policy.requests, failures_ratio=policy.failures_ratio):
        return _open(breaker, now)
    if window is breaker.window:
        return breaker
    return Breaker(state=State.CLOSED, since=breaker.since, deal=breaker.deal, window=window)


def _opened(breaker: Breaker, facts: Facts, policy: Policy, now: float, _: float) -> Breaker:
    if now - breaker.since < policy.open_seconds or not facts.workers:
        return breaker
    return _deal(breaker, Probes(), facts, policy, now)


def _half_open(breaker: Breaker, facts: Facts, policy: Policy, now: float, answer_seconds: float) -> Breaker:
    probes = breaker.probes.plus(facts.probes)
    waited = now - breaker.since
    recalled = not any(breaker.allowances)
    left = probes.left(policy)
    if probes.failures or (left <= 0 and waited > answer_seconds):
        return _open(breaker, now)
    if probes.successes >= policy.probes:
        return Breaker(since=now, deal=breaker.deal)
    if left > 0 and recalled and facts.read and facts.workers:
        return _deal(breaker, probes, facts, policy, now)
    if left > 0 and not recalled and waited >= PATIENCE_SECONDS:
        return Breaker(state=State.HALF_OPEN, since=now, deal=breaker.deal + 1, probes=probes)
    return Breaker(
        state=State.HALF_OPEN, since=breaker.since, deal=breaker.deal, allowances=breaker.allowances, probes=probes
    )


def _open(breaker: Breaker, now: float) -> Breaker:
    return Breaker(state=State.OPEN, since=now, deal=breaker.deal)


def _deal(breaker: Breaker, probes: Probes, facts: Facts, policy: Policy, now: float) -> Breaker:
    deal = breaker.deal + 1
    return Breaker(
        state=State.HALF_OPEN,
        since=now,
        deal=deal,
        allowances=spread(probes.left(policy), facts.workers, first=deal // 2),  # every other number is a recall
        probes=probes,
    )


def spread(probes: int, workers: tuple[int, ...], *, first: int) -> tuple[int, ...]:
    """Share probes among workers, as evenly as whole numbers allow; `first` moves who gets the odd ones."""
    each, odd = divmod(probes, len(workers))
    allowances = [0] * max(workers)
    for place, worker in enumerate(workers):
        allowances[worker - 1] = each + ((place - first) % len(workers) < odd)
    return tuple(allowances)


STEPS: dict[State, Callable[[Breaker, Facts, Policy, float, float], Breaker]] = {
    State.CLOSED: _closed,
    State.OPEN: _opened,
    State.HALF_OPEN: _half_open,
}
