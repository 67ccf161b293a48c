"""Which endpoint of a version takes a request.

Endpoints that are down are left out, unless all that could take traffic are down: then all of them are used (panic),
for a health check that fails everywhere says more about the check than about the targets. Weight 0 is never used.
"""

import heapq
import itertools
from bisect import bisect_right
from collections.abc import Collection, Sequence
from typing import Final, Protocol

from gateway.core.rendezvous import Rendezvous
from gateway.core.request import Request
from gateway.core.snapshot import Endpoint
from gateway.spec.upstream import Balance

_LOW_BITS: Final = 2.0**20
"""A draw's bits below the first twenty serve as a second draw; a float has 53."""

Weighted = list[tuple[int, float]]
"""Endpoints that may be chosen: index and weight."""


class _Policy(Protocol):
    def pick(
        self, *, draw: float, key: str | None, outstanding: Sequence[int], avoid: Collection[int]
    ) -> int | None: ...


class Balancer:
    """Chooses among one edition of a version's endpoints."""

    __slots__ = ("pick",)

    def __init__(self, endpoints: Sequence[Endpoint], balance: Balance, *, start: float) -> None:
        """Compile the choice; `start` in [0, 1) is where the round begins, so that workers do not march in step."""
        weighted = [(index, endpoint.weight) for index, endpoint in enumerate(endpoints) if endpoint.weight > 0]
        up = [(index, weight) for index, weight in weighted if endpoints[index].up]
        self.pick = _policy(up or weighted, endpoints, balance, start).pick
        """Choose an index, or None if nothing is left. `draw` in [0, 1) and `outstanding` (requests under way by index)
        serve least outstanding, `key` serves hash; `avoid` holds the indexes a retry has already tried."""


def hash_key(balance: Balance, request: Request) -> str | None:
    """Give the text by which a request keeps to one target, or None where it carries none or none is asked for."""
    if balance.by != "hash":
        return None
    if balance.header is not None:
        return request.header(balance.header.lower())
    if balance.cookie is not None:
        return request.cookie(balance.cookie)
    return request.client


def _policy(weighted: Weighted, endpoints: Sequence[Endpoint], balance: Balance, start: float) -> _Policy:
    match balance.by:
        case "round_robin":
            return RoundRobin(weighted, start)
        case "least_outstanding":
            return LeastOutstanding(weighted)
        case "hash":
            return Hash(weighted, endpoints, start)


class RoundRobin:
    """Smooth weighted round robin: each endpoint is due once in every 1/weight, and the one due first goes first."""

    __slots__ = ("_due", "_periods")

    def __init__(self, weighted: Weighted, start: float) -> None:
        self._periods = {index: 1 / weight for index, weight in weighted}
        self._due = [
            ((start + place / len(weighted)) % 1.0 / weight, index) for place, (index, weight) in enumerate(weighted)
        ]
        heapq.heapify(self._due)

    def pick(self, *, draw: float, key: str | None, outstanding: Sequence[int], avoid: Collection[int]) -> int | None:  # noqa: ARG002 - one signature for all policies
        if not self._due:
            return None
        due, index = self._due[0]
        if index in avoid:
            return self._pick_other(avoid)
        heapq.heapreplace(self._due, (due + self._periods[index], index))
        return index

    def _pick_other(self, avoid: Collection[int]) -> int | None:
        candidates = [entry for entry in self._due if entry[1] not in avoid]
        if not candidates:
            return None
        due, index = min(candidates)
        self._due.remove((due, index))
        self._due.append((due + self._periods[index], index))
        heapq.heapify(self._due)
        return index


class LeastOutstanding:
    """Of two endpoints drawn by weight, the one with fewer requests under way for its weight (power of two choices)."""

    __slots__ = ("_edges", "_weighted")

    def __init__(self, weighted: Weighted) -> None:
        self._weighted = weighted
        self._edges = list(itertools.accumulate(weight for _, weight in weighted))

    def pick(self, *, draw: float, key: str | None, outstanding: Sequence[int], avoid: Collection[int]) -> int | None:
        if avoid:
            others = LeastOutstanding([(index, weight) for index, weight in self._weighted if index not in avoid])
            return others.pick(draw=draw, key=key, outstanding=outstanding, avoid=())
        if len(self._weighted) < 2:
            return self._weighted[0][0] if self._weighted else None
        first, second = self._draw_two(draw)
        first_index, first_weight = self._weighted[first]
        second_index, second_weight = self._weighted[second]
        # The first one wins a tie: while nothing is under way, weights alone decide.
        busier = outstanding[first_index] * second_weight > outstanding[second_index] * first_weight
        return second_index if busier else first_index

    def _draw_two(self, draw: float) -> tuple[int, int]:
        """Draw two different places by weight, from one draw."""
        edges = self._edges
        total, last = edges[-1], len(edges) - 1
        first = min(bisect_right(edges, draw * total), last)
        # The second one is drawn from the line of weights with the first one's part cut out.
        begin, end = edges[first - 1] if first else 0.0, edges[first]
        at = draw * _LOW_BITS % 1.0 * (total - (end - begin))
        second = min(bisect_right(edges, at if at < begin else at + (end - begin)), last)
        if second == first:  # rounding at an edge
            second = first - 1 if first else 1
        return first, second


class Hash:
    """Each key keeps to its endpoint (`rendezvous`); a request without a key takes its turn."""

    __slots__ = ("_keyless", "_rendezvous")

    def __init__(self, weighted: Weighted, endpoints: Sequence[Endpoint], start: float) -> None:
        self._keyless = RoundRobin(weighted, start)
        self._rendezvous = Rendezvous([(index, weight, _identity(endpoints[index])) for index, weight in weighted])

    def pick(self, *, draw: float, key: str | None, outstanding: Sequence[int], avoid: Collection[int]) -> int | None:
        if key is None:
            return self._keyless.pick(draw=draw, key=key, outstanding=outstanding, avoid=avoid)
        return self._rendezvous.pick(key, avoid)


def _identity(endpoint: Endpoint) -> str:
    return f"{endpoint.target} {endpoint.host} {endpoint.port}"
