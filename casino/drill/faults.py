"""Every fault of a spec, and every alert that none of them sets off, with the reason."""

from collections.abc import Iterator

from casino.drill import supervision
from casino.drill.budgets import met, of_budgets, of_clock
from casino.drill.fault import Fault, Undrilled, with_trials
from casino.drill.key import Key, listed
from casino.drill.services import of_gateway, of_upstream
from casino.games.roster import GAMES
from gateway.spec.model import Spec

REASONS = {
    "GatewayControlFaults": "counts faults of Casino's own code; nothing outside it makes one",
    "GatewayOverload": "needs more requests than a worker does; a client in Python beside four stacks does not send them",
    "GatewaySeriesOverflow": "needs more routes, methods and statuses than the spec has",
    "GatewayDebitsDropped": "needs 50,000 callers within one outage of the store",
    "BridgeDown": "is told over the second path alone (`bridge.ping`), which is no server of ours",
    "BridgeInstanceDown": "a bridge that is alone is the way of its own alert; of a pair the other one tells",
    "BridgeWithoutSender": "needs a pair of bridges that wait for each other, which a lease is there to prevent",
    "BridgeFaults": "counts faults of Casino's own code; nothing outside it makes one",
    "BridgeMismatches": "needs an Alertmanager that lists what it should not, and is never believed",
    "GatewayIssuerWithoutKeys": "needs an issuer whose keys are fetched; a file is read before anything starts",
}
"""What no fault of ours sets off in any spec."""


def faults(spec: Spec) -> tuple[Fault, ...]:
    """Return every fault that a spec's games and gateways can suffer, with those of its alerts that the bundle has."""
    known = {each.key for each in listed(spec)}
    kept = (with_trials(each, tuple(trial for trial in each.trials if trial.key in known)) for each in _faults(spec))
    return tuple(fault for fault in kept if fault.trials)


def _faults(spec: Spec) -> Iterator[Fault]:
    games = _games(spec)
    for name, upstream in spec.upstreams.items():
        if name in games:
            yield from of_upstream(name, upstream)
    yield from of_gateway(spec)
    yield from (fault for fault in of_budgets(spec) if not fault.subject or fault.subject in games)
    yield from (fault for fault in of_clock(spec) if fault.subject in games)
    yield from supervision.faults()


def _games(spec: Spec) -> frozenset[str]:
    """Upstreams that are games altogether: only those have switches."""
    return frozenset(
        name for name, upstream in spec.upstreams.items() if all((name, label) in GAMES for label in upstream.versions)
    )


def undrilled(spec: Spec) -> tuple[Undrilled, ...]:
    """Return every alert of the bundle that no fault sets off."""
    drilled = {trial.key for fault in faults(spec) for trial in fault.trials}
    return tuple(Undrilled(each.key, _reason(spec, each.key)) for each in listed(spec) if each.key not in drilled)


def _reason(spec: Spec, key: Key) -> str:
    where = dict(key.where)
    upstream = where.get("upstream")
    if key.name in REASONS:
        return REASONS[key.name]
    if key.name == "GatewayUpstreamConnectFailures" and upstream in _games(spec):
        return f"the breaker of {upstream} keeps calls away: less than ten are left in a window that is short enough to drill"
    if upstream is not None:
        return f"{upstream} is no game of ours, or has nothing of the kind in the spec"
    if "route" in where and where["route"] not in {promise.route for promise in met(spec)}:
        return f"the drill's traffic does not meet route {where['route']}"
    return "no fault is known that sets it off here"
