"""Faults that spend error budgets, and what compares with the past: on grounds whose Prometheus remembers a healthy time."""

from collections.abc import Iterator

from alerts.objectives import EXHAUSTED
from alerts.promise import Promise, promises
from alerts.proof.closed_form import FEWEST_ERRORS, Burn, burns
from alerts.proof.objectives import BURNS
from casino.drill.fault import Fault, Ground, Told, Trial
from casino.drill.key import Key
from gateway.spec.model import Spec

LOAD_PER_SECOND = 20.0
ROUTES = {"roll": 3 / 7 * LOAD_PER_SECOND, "cards": 3 / 7 * LOAD_PER_SECOND}
"""What casino.load asks of routes, in requests per second."""
SHARES = {"availability": 0.4, "latency": 1.0}
"""The part of answers that a fault spoils. Errors stay below the half at which a breaker answers for the service."""
MINUTE = 60.0
SPENT_FOR_SECONDS = 300.0
TOLD_SECONDS = 60.0
LEAD_SECONDS = 120.0
"""By the wall's clock, from the end of the history to the fault, at most; all grounds start meanwhile."""


def of_budgets(spec: Spec) -> Iterator[Fault]:
    """Yield one fault for each promise, which burns fast enough for all tiers until its budget is spent; and one that
    keeps all clients away.
    """
    for promise in met(spec):
        name, upstream = f"{promise.route}-{promise.kind}", upstream_of(spec, promise)
        yield Fault(
            name=name, what=_what(promise, upstream, SHARES[promise.kind]), ground=Ground.BUDGETS, subject=upstream,
            touches=(f"{upstream}/{promise.kind}", f"budget/{name}"), trials=(*_tiers(promise), _spent(promise)),
        )  # fmt: skip
    yield Fault(
        name="drift", what="a gateway joins that runs another spec", ground=Ground.BUDGETS,
        touches=(*spec.upstreams, "budget"), trials=(Trial(key=Key("GatewayConfigDrift"), effect_seconds=8, clears_seconds=2 * MINUTE),),
    )  # fmt: skip
    yield Fault(
        name="no-clients", what="nobody asks for anything any more", ground=Ground.BUDGETS,
        touches=(*spec.upstreams, "budget"),
        trials=(Trial(key=Key("GatewayTrafficDrop"), window_seconds=8 * MINUTE, clears_seconds=2 * MINUTE),),
    )  # fmt: skip


def of_clock(spec: Spec) -> Iterator[Fault]:
    """Yield one page and one ticket that are drilled with every duration as in production."""
    promise = next((each for each in met(spec) if each.kind == "availability"), None)
    if promise is None:
        return
    upstream, fast = upstream_of(spec, promise), burns(promise.period, promise.ratio)[0]
    yield Fault(
        name="page-unscaled", what=_what(promise, upstream, 1.0), ground=Ground.CLOCK, touches=(upstream,), subject=upstream,
        trials=(_burning(promise, fast, 1.0),),
    )  # fmt: skip
    other = next((name for name in spec.upstreams if name != upstream), None)
    if other is not None:
        yield Fault(
            name="ticket-unscaled", what=f"one target of {other} is killed", ground=Ground.CLOCK, touches=(other,),
            subject=other,
            trials=(
                Trial(key=Key("GatewayTargetDown", (("upstream", other),)), effect_seconds=5, window_seconds=2 * MINUTE),
            ),
        )  # fmt: skip


def met(spec: Spec) -> tuple[Promise, ...]:
    """Return the promises that the drill's traffic meets."""
    return tuple(promise for promise in promises(spec) if promise.route in ROUTES)


def upstream_of(spec: Spec, promise: Promise) -> str:
    upstream = spec.routes[promise.route].to
    assert upstream is not None, "a promise is of a route that leads somewhere"
    return upstream


def left_seconds(promise: Promise) -> float:
    """How long the fault must last until the budget is spent, by the rule's clock: history holds the rest."""
    return _slowest(promise) / 2


def recovers_seconds(promise: Promise, scale: float) -> float:
    """When the old errors leave the period, by the wall's clock from the end of the history: all tiers have fired then."""
    return LEAD_SECONDS + (_slowest(promise) + SPENT_FOR_SECONDS) * scale + TOLD_SECONDS


def _slowest(promise: Promise) -> float:
    share = SHARES[promise.kind]
    return max(burn.fires_after(share) or 0.0 for burn in burns(promise.period, promise.ratio))


def _what(promise: Promise, upstream: str, share: float) -> str:
    if promise.kind == "availability":
        return f"{upstream} answers {share:.0%} of calls with 500"
    assert promise.edge_seconds is not None, "a latency has an edge"
    return f"{upstream} takes {1.5 * promise.edge_seconds:g} s for each answer"


def _tiers(promise: Promise) -> Iterator[Trial]:
    for burn in burns(promise.period, promise.ratio):
        yield _burning(promise, burn, SHARES[promise.kind])


def _burning(promise: Promise, burn: Burn, share: float) -> Trial:
    after = burn.fires_after(share)
    assert after is not None, "the share is above every threshold"
    where = (("route", promise.route), ("objective", promise.kind), ("tier", burn.tier))
    return Trial(
        key=Key(BURNS[promise.kind], where),
        effect_seconds=1.0 + FEWEST_ERRORS / (ROUTES[promise.route] * share),
        window_seconds=after,
        clears_seconds=burn.clears_after(share),
        # A ticket is not told while a page of the same objective fires.
        told=Told.ITSELF if burn.severity == "critical" else Told.AFTERWARDS,
    )


def _spent(promise: Promise) -> Trial:
    return Trial(
        key=Key(EXHAUSTED[promise.kind], (("route", promise.route), ("objective", promise.kind))),
        effect_seconds=1.0,
        window_seconds=left_seconds(promise),
        clears_seconds=_slowest(promise) + SPENT_FOR_SECONDS + 7_200,
    )
