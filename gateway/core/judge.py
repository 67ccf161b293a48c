"""Which addresses of a version take traffic, and with which weight: health, ejection, breaker and slow start together.

Pure: control reads the facts from the shared counters, calls `step` every 100 ms and publishes `verdict` when it changed.
"""

from msgspec import Struct

from gateway.core import breaker, ejection, slowstart
from gateway.core.breaker import Breaker, Probes, State
from gateway.core.ejection import Outcomes, Standing
from gateway.core.slowstart import Key, Returns
from gateway.core.snapshot import Endpoint, VersionState
from gateway.spec.upstream import Upstream


class Address(Struct, frozen=True):
    """One place a target's name leads to."""

    host: str
    """An IP address, or the path of a UNIX socket."""
    port: int = 0
    weight: float = 1.0
    """Its part of the target's weight, relative to the other addresses."""
    priority: int = 0
    """SRV: addresses of a higher number wait until none of a lower one is up (RFC 2782)."""


class TargetFacts(Struct, frozen=True):
    """What is known of one target now, and how calls to it ended since the last step."""

    weight: float
    addresses: tuple[Address, ...]
    down: frozenset[Address] = frozenset()
    """Addresses out by their health check."""
    outcomes: Outcomes = Outcomes()


class VersionFacts(Struct, frozen=True):
    """Everything one step needs to know of a version."""

    targets: dict[str, TargetFacts]
    probes: Probes = Probes()
    workers: tuple[int, ...] = ()
    read: bool = True
    """Every living worker has applied the last edition."""
    answer_seconds: float = 0.0
    """The longest a route waits for an answer, where that is longer than the upstream says."""


class Judgement(Struct, frozen=True):
    """What is remembered of one version between two steps."""

    standings: dict[str, Standing] = {}
    breaker: Breaker = Breaker()
    returns: Returns = Returns()


def step(judgement: Judgement, facts: VersionFacts, policy: Upstream, now: float) -> Judgement:
    """Take the facts of one tick into account."""
    standings = _standings(judgement, facts, policy, now)
    out = {
        (target, address.host, address.port)
        for target, known in facts.targets.items()
        for address in known.addresses
        if address in known.down or _ejected(standings, target)
    }
    return Judgement(
        standings,
        _breaker(judgement.breaker, facts, policy, now),
        slowstart.step(judgement.returns, out, now, policy.slow_start_seconds),
    )


def verdict(judgement: Judgement, facts: VersionFacts, policy: Upstream, now: float) -> VersionState:
    """Say what the workers shall do."""
    state = judgement.breaker
    half_open = state.state is State.HALF_OPEN
    return VersionState(
        endpoints=tuple(
            endpoint
            for target, known in facts.targets.items()
            for endpoint in _endpoints(target, known, judgement, policy, now)
        ),
        breaker=state.state,
        deal=state.deal,
        allowances=state.allowances if half_open else (),
    )


def resume(state: VersionState, facts: VersionFacts, policy: Upstream, now: float) -> Judgement:
    """Rebuild a judgement from what was published: control may be killed at any moment and goes on where it was.

    Times that were not published begin anew; a breaker that was not closed asks for new probes at once.
    """
    whole = {_key(endpoint): endpoint.weight for endpoint in verdict(Judgement(), facts, policy, now).endpoints}
    standings: dict[str, Standing] = {}
    since: dict[Key, float] = {}
    for endpoint in state.endpoints:
        if endpoint.ejected and policy.ejection:
            standings[endpoint.target] = Standing(times=1, until=now + policy.ejection.eject_seconds)
        full = whole.get(_key(endpoint), 0)
        if endpoint.up and 0 < endpoint.weight < full:
            since[_key(endpoint)] = slowstart.begun(endpoint.weight / full, now, policy.slow_start_seconds)
    out = frozenset(_key(endpoint) for endpoint in state.endpoints if not endpoint.up)
    return Judgement(standings, _resumed_breaker(state, policy, now), Returns(out, since))


def _key(endpoint: Endpoint) -> Key:
    return (endpoint.target, endpoint.host, endpoint.port)


def _resumed_breaker(state: VersionState, policy: Upstream, now: float) -> Breaker:
    if state.breaker is State.CLOSED or policy.breaker is None:
        return Breaker(deal=state.deal)
    return Breaker(state=State.OPEN, since=now - policy.breaker.open_seconds, deal=state.deal)


def _standings(judgement: Judgement, facts: VersionFacts, policy: Upstream, now: float) -> dict[str, Standing]:
    if policy.ejection is None:
        return {}
    outcomes = {target: known.outcomes for target, known in facts.targets.items()}
    down = {target for target, known in facts.targets.items() if known.down >= set(known.addresses)}
    return ejection.step(judgement.standings, outcomes, down, policy.ejection, now)


def _breaker(before: Breaker, facts: VersionFacts, policy: Upstream, now: float) -> Breaker:
    if policy.breaker is None:
        return Breaker(deal=before.deal)
    seen = breaker.Facts(
        successes=sum(known.outcomes.successes for known in facts.targets.values()),
        failures=sum(known.outcomes.failures for known in facts.targets.values()),
        probes=facts.probes,
        workers=facts.workers,
        read=facts.read,
    )
    answer_seconds = max(facts.answer_seconds, policy.timeouts.total_seconds)
    return breaker.step(before, seen, policy.breaker, now, answer_seconds=answer_seconds)


def _endpoints(
    target: str, known: TargetFacts, judgement: Judgement, policy: Upstream, now: float
) -> tuple[Endpoint, ...]:
    ejected = _ejected(judgement.standings, target)
    serving = _serving(known)
    total = sum(address.weight for address in serving)
    return tuple(
        Endpoint(
            target=target,
            host=address.host,
            port=address.port,
            weight=known.weight * address.weight / total * _risen(target, address, judgement, policy, now)
            if address in serving
            else 0.0,
            up=not ejected and address not in known.down,
            ejected=ejected,
        )
        for address in known.addresses
    )


def _serving(known: TargetFacts) -> tuple[Address, ...]:
    """The addresses of the best priority that has one up; of the best at all when none is."""
    candidates = [address for address in known.addresses if address not in known.down] or known.addresses
    best = min((address.priority for address in candidates), default=0)
    return tuple(address for address in known.addresses if address.priority == best)


def _risen(target: str, address: Address, judgement: Judgement, policy: Upstream, now: float) -> float:
    since = judgement.returns.since.get((target, address.host, address.port))
    return slowstart.ratio(since, now, policy.slow_start_seconds)


def _ejected(standings: dict[str, Standing], target: str) -> bool:
    return target in standings and standings[target].ejected
