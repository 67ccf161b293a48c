"""Which version of its upstream a request goes to."""

import itertools
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from gateway.core.conditions import Condition, all_hold, compile_when
from gateway.core.request import Request
from gateway.spec.route import Arm

_GOLDEN: Final = 0.6180339887498949
"""The golden ratio's fraction: its multiples fill [0, 1) as evenly as any sequence does, and so do their k-th ones."""


class Split:
    """A route's split. Who chooses, first to last: rules in the spec's order, then the weights."""

    __slots__ = ("_edges", "_only", "_rules", "_versions", "versions")

    def __init__(self, arms: tuple[Arm, ...], versions: Iterable[str]) -> None:
        """Compile the arms; without a weighted one, every version of the upstream takes an equal part."""
        self._rules = tuple((compile_when(arm.when), arm.version) for arm in arms if arm.when is not None)
        weighted = [arm for arm in arms if arm.when is None] or [Arm(version=version) for version in versions]
        shares = _shares(weighted)
        self._versions = tuple(version for version, share in shares if share)
        self._edges = tuple(itertools.accumulate(share for _, share in shares if share))[:-1]
        self._only = self._versions[0] if len(self._versions) == 1 and not self._rules else None
        self.versions = tuple(
            dict.fromkeys([*(version for _, version in self._rules), *(arm.version for arm in weighted)])
        )
        """Every version the split may choose, once each."""

    def choose(self, request: Request, draw: float) -> str:
        """Choose a version; `draw` is the request's place in [0, 1)."""
        if self._only is not None:
            return self._only
        for conditions, version in self._rules:
            if all_hold(conditions, request):
                return version
        return self._versions[bisect_right(self._edges, draw)]

    def rule(self, request: Request) -> tuple[Condition, ...] | None:
        """Give the conditions of the rule that takes the request, or None if the weights do."""
        return next((conditions for conditions, _ in self._rules if all_hold(conditions, request)), None)

    def shares(self) -> dict[str, float]:
        """Each weighted version's part of the requests that no rule takes."""
        edges = (0.0, *self._edges, 1.0)
        return {version: edges[i + 1] - edges[i] for i, version in enumerate(self._versions)}


def _shares(arms: list[Arm]) -> list[tuple[str, float]]:
    """Give each arm its part of 1: what it names, or an equal part of what the others leave."""
    named = sum(arm.weight_ratio for arm in arms if arm.weight_ratio is not None)
    unnamed = sum(arm.weight_ratio is None for arm in arms)
    left = max(0.0, 1.0 - named)
    total = named + (left if unnamed else 0.0)
    return [(arm.version, (left / unnamed if arm.weight_ratio is None else arm.weight_ratio) / total) for arm in arms]


class Draws:
    """Evenly spread draws for one split: after n of them each share is met to about 1/n, far closer than by chance."""

    __slots__ = ("_at",)

    def __init__(self, start: float) -> None:
        """Begin anywhere in [0, 1); processes that begin apart do not march in step."""
        self._at = start

    def next(self) -> float:
        at = self._at + _GOLDEN
        self._at = at = at - 1.0 if at >= 1.0 else at
        return at
