"""Says why a request takes its route, and what the route demands: every route with its host and path, the most specific first."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from gateway.core.conditions import all_hold
from gateway.core.request import Request
from gateway.core.route import Router
from gateway.core.table import Entry
from gateway.spec.consumer import Demand


class Verdict(StrEnum):
    """What became of a route that was considered."""

    TAKEN = "taken"
    LESS_SPECIFIC = "less specific"
    METHOD = "takes other methods"
    CONDITION = "a condition does not hold"


class Considered(Struct, frozen=True):
    """One route that has the request's host and path."""

    route: str
    match: str
    """The match in words: `GET,HEAD shop.example/roll/{sides}`, with its conditions."""
    verdict: Verdict


def explain(router: Router, request: Request) -> list[Considered]:
    """Give the routes considered, in the order in which they are tried; without any, no path or host matches."""
    considered: list[Considered] = []
    taken = False
    for entry in router.entries(request):
        verdict = _judge(entry, request)
        if verdict is Verdict.TAKEN and taken:
            verdict = Verdict.LESS_SPECIFIC
        taken = taken or verdict is Verdict.TAKEN
        considered.append(Considered(entry.plan.name, _in_words(entry), verdict))
    return considered


def demanded(demand: Demand) -> Iterator[str]:
    """Say what callers must show, one line for each kind of condition."""
    yield " or ".join(demand.by) + (", or nothing" if demand.optional else "")
    if demand.consumers or demand.groups:
        yield " or ".join([*demand.consumers, *(f"anyone in {group}" for group in demand.groups)])
    if demand.issuers:
        yield f"a token of {' or '.join(demand.issuers)}"
    if demand.scopes:
        yield f"a token with the scopes {' and '.join(demand.scopes)}"
    for claim, values in demand.claims.items():
        yield f"a token whose {claim} is {' or '.join(values)}"


def _judge(entry: Entry, request: Request) -> Verdict:
    if entry.methods is not None and request.method not in entry.methods:
        return Verdict.METHOD
    return Verdict.TAKEN if all_hold(entry.conditions, request) else Verdict.CONDITION


def _in_words(entry: Entry) -> str:
    methods = ",".join(sorted(entry.methods or ()))
    hosts = ",".join(entry.match.hosts)
    line = f"{methods} {hosts}{entry.match.path}".lstrip()
    return " and ".join([line, *(condition.text for condition in entry.conditions)])
