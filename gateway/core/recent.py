"""Bounded memories, at the price of one dictionary look-up: `Recent` of what was used lately, `remember` of what is found
again at little cost.

Two generations: what is used moves to the young one; when that is full it becomes the old one, and the old one is
forgotten whole. So nothing is sorted and nothing is searched, and whatever was used since the young one began stays.
"""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most `2 * most` values, and twice `most_bytes` of what their owner says they take."""

    __slots__ = ("_bytes", "_most", "_most_bytes", "_old", "_young")

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._bytes = 0

    def get(self, key: K) -> V | None:
        """Return what is known, and keep it for longer."""
        found = self._young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is None:
                return None
            self._put(key, found)
        return found[0]

    def put(self, key: K, value: V, size_bytes: int) -> None:
        """Remember a value."""
        self._old.pop(key, None)
        replaced = self._young.pop(key, None)
        if replaced is not None:
            self._bytes -= replaced[1]
        self._put(key, (value, size_bytes))

    def forget(self, key: K) -> None:
        """Drop a value that no longer holds."""
        self._old.pop(key, None)
        dropped = self._young.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped[1]

    def _put(self, key: K, item: tuple[V, int]) -> None:
        if len(self._young) >= self._most or self._bytes + item[1] > self._most_bytes:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[key] = item
        self._bytes += item[1]


def remember(memo: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep a value in a plain memo, which begins anew when it is full."""
    if len(memo) >= most:
        memo.clear()
    memo[key] = value
