"""Weighted rendezvous hashing: each key keeps to one target, and a target that leaves disturbs no key of the others.

Keys fall into slots; in each slot every target draws a number of its own, which weight improves, and the best one wins
(Thaler and Ravishankar 1998; weights by Schindelhauer and Schomaker 2005). A slot's winner is worked out when first asked
for: nothing is slow when targets change, and later picks cost a look-up.
"""

import math
import zlib
from array import array
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Final

_SLOTS: Final = 1 << 14
_UNKNOWN: Final = -1
_BITS: Final = (1 << 64) - 1


class Rendezvous:
    """The winners among some targets, given as (index, weight above 0, identity that outlives this choice of targets)."""

    __slots__ = ("_targets", "_winners")

    def __init__(self, targets: Sequence[tuple[int, float, str]]) -> None:
        self._targets = [(index, weight, _seed(identity)) for index, weight, identity in targets]
        self._winners = array("i", [_UNKNOWN]) * _SLOTS

    def pick(self, key: str, avoid: Collection[int]) -> int | None:
        """Give the index that a key keeps to, or the next best one if that is to be avoided."""
        slot = zlib.crc32(key.encode()) % _SLOTS
        winner = self._winners[slot]
        if winner == _UNKNOWN:
            winner = self._winners[slot] = self._best(slot, ())
        if winner in avoid:
            winner = self._best(slot, avoid)
        return None if winner == _UNKNOWN else winner

    def _best(self, slot: int, avoid: Collection[int]) -> int:
        """Give the winner of a slot, or `_UNKNOWN` if there is no target but those to be avoided."""
        lots = ((_lot(seed, slot) / weight, index) for index, weight, seed in self._targets if index not in avoid)
        return min(lots, default=(0.0, _UNKNOWN))[1]


def _seed(identity: str) -> int:
    return int.from_bytes(blake2b(identity.encode(), digest_size=8).digest(), "big")


def _lot(seed: int, slot: int) -> float:
    """Draw from the exponential distribution: among such draws divided by weights, each is least as often as its weight."""
    bits = (seed ^ (slot * 0x9E3779B97F4A7C15)) & _BITS
    # The finaliser of splitmix64 (Steele, Lea and Flood 2014).
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _BITS
    return -math.log(((bits ^ (bits >> 31)) + 1) / (_BITS + 2))
