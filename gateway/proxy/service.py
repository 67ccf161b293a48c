"""One version of one upstream as a worker sees it: which targets, how they are chosen, what the judge lets through.

It lives as long as the spec names the version: snapshots and endpoints change what it holds, connections stay.
"""

from __future__ import annotations

from random import random
from typing import TYPE_CHECKING, Final

from exporters.catalog.gateway import BREAKER_PROBES, RETRIES, UPSTREAM_SECONDS
from gateway.core.balance import Balancer
from gateway.core.breaker import State
from gateway.core.failure import Failure, Refused
from gateway.core.retry import Budget
from gateway.proxy.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gateway.core.snapshot import Endpoint, VersionState
    from gateway.proxy.worker import Worker
    from gateway.spec.upstream import Upstream

_CLOSED: Final = State.CLOSED
_OPEN: Final = State.OPEN
_SUSPECT_SECONDS: Final = 1.0
"""How long a target that could not be connected to is passed over, until the judge has an opinion."""
_UNREACHED: Final = frozenset((Failure.CONNECT_REFUSED, Failure.CONNECT_TIMEOUT, Failure.TLS))


class Service:
    """The targets of one version and what is known of them."""

    __slots__ = (
        "_allowance", "_balancer", "_breaker", "_budget", "_deal", "_first_byte", "_probes", "_retries", "_suspects",
        "endpoints", "hashes", "outstanding", "policy", "pools", "upstream", "version", "worker",
    )  # fmt: skip

    def __init__(self, worker: Worker, upstream: str, version: str, policy: Upstream) -> None:
        self.worker = worker
        self.upstream = upstream
        self.version = version
        self.pools: list[Pool] = []
        self.endpoints: tuple[Endpoint, ...] = ()
        self.outstanding: list[int] = []
        self._suspects: dict[int, float] = {}
        self._breaker: State = _CLOSED
        self._deal = 0
        self._allowance = 0
        self._retries: dict[tuple[str, str], int] = {}
        tally = worker.slot.tally
        self._probes = {
            outcome: tally.index(BREAKER_PROBES, (upstream, version, outcome))
            for outcome in ("started", "success", "failure", "canceled")
        }
        self.policy = policy
        self._follow(policy)

    def configure(self, policy: Upstream, edges_seconds: tuple[float, ...]) -> None:
        """Take the policies of a new snapshot; pools are kept, until `apply`, unless what they send by changed."""
        self._first_byte = self.worker.slot.tally.histogram(
            UPSTREAM_SECONDS, (self.upstream, self.version), edges_seconds
        )
        before = self.policy
        if policy == before:
            return
        if (before.tls, before.host) != (policy.tls, policy.host):
            self.close()
            self.pools = []
            self.endpoints = ()
        self._follow(policy)

    def _follow(self, policy: Upstream) -> None:
        self.policy = policy
        self.hashes = policy.balance.by == "hash"
        self._budget = Budget(policy.retry.budget_ratio, self.worker.workers) if policy.retry else None
        self._balancer = Balancer(self.endpoints, policy.balance, start=random())  # noqa: S311 - no secret
        if policy.retry:
            # Rules read these counts: of a series that begins at 1, `rate` does not see the 1.
            for reason in policy.retry.on:
                for result in ("allowed", "refused"):
                    self._index(reason, result)

    def apply(self, state: VersionState, targets: frozenset[str]) -> None:
        """Take what control knows of the targets, as far as this worker's snapshot names them."""
        endpoints = tuple(endpoint for endpoint in state.endpoints if endpoint.target in targets)
        self._breaker = state.breaker
        if state.deal != self._deal:
            self._deal = state.deal
            self._allowance = state.allowance(self.worker.number)
        if endpoints == self.endpoints:
            return
        self.endpoints = endpoints
        before = {pool.key: pool for pool in self.pools}
        keys = [(e.target, e.host, e.port) for e in endpoints]
        self.pools = [
            before.pop(key) if key in before else Pool(self, e) for key, e in zip(keys, endpoints, strict=True)
        ]
        for place, pool in enumerate(self.pools):
            pool.place = place
            pool.siblings = [(e.host, e.port) for e in endpoints if e.target == pool.target and e.host != pool.address]
        self.outstanding = [pool.calls for pool in self.pools]
        self._suspects.clear()
        self._balancer = Balancer(endpoints, self.policy.balance, start=random())  # noqa: S311 - no secret
        for pool in before.values():
            pool.retire()

    @property
    def is_up(self) -> bool:
        """Whether any target takes traffic."""
        return self._breaker is not _OPEN and any(endpoint.up and endpoint.weight for endpoint in self.endpoints)

    def enter(self, now: float) -> bool:
        """Pass the breaker; True if the request is one of its probes.

        Raises:
            Refused: the breaker is open, or half open and all probes are out.

        """
        if self._budget:
            self._budget.count(now)
        if self._breaker is _CLOSED:
            return False
        if self._breaker is _OPEN or self._allowance <= 0:
            raise Refused(Failure.BREAKER_OPEN)
        self._allowance -= 1
        self.worker.values[self._probes["started"]] += 1
        return True

    def answered(self, seconds: float) -> None:
        """Note how long a target took to begin its answer."""
        self._first_byte.observe(seconds)

    def probed(self, outcome: str) -> None:
        """Count how a probe ended."""
        self.worker.values[self._probes[outcome]] += 1

    def choose(self, key: str | None, tried: AbstractSet[int]) -> int | None:
        """Choose a target's place, or None if none is left to try."""
        draw = random()  # noqa: S311 - load balancing, not secrecy
        if self._suspects:
            now = self.worker.clock()
            self._suspects = {place: until for place, until in self._suspects.items() if until > now}
            place = self._balancer.pick(
                draw=draw, key=key, outstanding=self.outstanding, avoid=tried | self._suspects.keys()
            )
            if place is not None:
                return place
        return self._balancer.pick(draw=draw, key=key, outstanding=self.outstanding, avoid=tried)

    def suspect(self, place: int, failure: Failure) -> None:
        """Pass over a target that could not be reached, until control has looked."""
        if failure in _UNREACHED:
            self._suspects[place] = self.worker.clock() + _SUSPECT_SECONDS

    def take_retry(self, reason: str) -> bool:
        """Take a retry out of the budget."""
        assert self._budget is not None
        allowed = self._budget.take(self.worker.clock())
        result = "allowed" if allowed else "refused"
        self.worker.values[self._retries[reason, result]] += 1
        return allowed

    def _index(self, reason: str, result: str) -> None:
        self._retries[reason, result] = self.worker.slot.tally.index(RETRIES, (self.upstream, reason, result))

    def close(self) -> None:
        """Let go of every connection that is not in use: the spec names the version no more."""
        for pool in self.pools:
            pool.retire()
