"""What the routes of a spec promise, each promise by itself: the input of rules, tests and explanations."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from gateway.spec.model import Spec
from gateway.spec.route import Route

UNOWNED = "unowned"
"""The team of what belongs to nobody; its alerts go where the spec's default leads."""


class Promise(Struct, frozen=True, kw_only=True):
    """One objective of one route."""

    route: str
    kind: Literal["availability", "latency"]
    ratio: float
    """The share of requests that is promised, above 0."""
    period: str
    team: str
    edge_seconds: float | None = None
    """Of a latency: the bucket edge it is counted at."""

    @property
    def budget_ratio(self) -> float:
        """The share that may fail; 0 for a promise of 100 %, of which each failure is too many."""
        return round(1 - self.ratio, 12)


def promises(spec: Spec) -> tuple[Promise, ...]:
    """Return all objectives, in the order of the spec. One of 0 % promises nothing; what a route answers itself counts
    for none.
    """
    return tuple(
        promise
        for name, route in spec.routes.items()
        if route.to is not None
        for promise in _of(name, route, spec)
        if promise.ratio > 0
    )


def _of(name: str, route: Route, spec: Spec) -> Iterator[Promise]:
    objectives = route.objectives
    team = route.team or owner(spec)
    if objectives.availability_ratio is not None:
        yield Promise(
            route=name, kind="availability", ratio=objectives.availability_ratio, period=objectives.period, team=team
        )
    if objectives.latency is not None:
        edges = spec.metrics.latency_buckets
        yield Promise(
            route=name,
            kind="latency",
            ratio=objectives.latency.ratio,
            period=objectives.period,
            team=team,
            edge_seconds=_edge(edges, objectives.latency.within_seconds),
        )


def owner(spec: Spec) -> str:
    """Return the team that runs the gateway."""
    return spec.alerts.team or UNOWNED


def team_of(upstream: str, spec: Spec) -> str:
    """Return who is told of an upstream: the team of the routes that lead to it, if there is one for all of them."""
    teams = {route.team for route in spec.routes.values() if route.to == upstream and route.team}
    return teams.pop() if len(teams) == 1 else owner(spec)


def _edge(edges: tuple[float, ...], within_seconds: float) -> float:
    """The greatest edge that is not beyond: between two edges the promise is kept more strictly, never less."""
    return max((edge for edge in edges if edge <= within_seconds), default=min(edges))
