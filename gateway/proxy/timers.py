"""Deadlines, coarse and nearly free: a wheel of buckets where an item moves only when its deadline comes nearer.

A deadline that is put off (the common case: each request of a connection does it) costs one attribute. The wheel looks
at an item again when its old bucket falls due, and parks it anew. Resolution is `TICK_SECONDS`.
"""

from typing import Protocol

TICK_SECONDS = 0.025
TICKS_PER_SECOND = 1 / TICK_SECONDS
NEVER = 0.0


class Timed(Protocol):
    """Whatever has a deadline. `due` is in loop seconds (`NEVER`: none); `bucket` belongs to the wheel."""

    due: float
    bucket: int

    def expire(self, now: float) -> None:
        """Act on a deadline that has passed; may arm the next one."""


class Timers:
    """The deadlines of one worker."""

    __slots__ = ("_buckets", "_done")

    def __init__(self, now: float) -> None:
        self._buckets: dict[int, set[Timed]] = {}
        self._done = int(now * TICKS_PER_SECOND)

    def arm(self, item: Timed, due: float) -> None:
        """Set an item's deadline; an earlier one it had is forgotten."""
        item.due = due
        bucket = int(due * TICKS_PER_SECOND) + 1
        if not item.bucket or bucket < item.bucket:
            self._park(item, bucket)

    def forget(self, item: Timed) -> None:
        """Drop an item for good, so that the wheel keeps no dead object alive."""
        item.due = NEVER
        if item.bucket:
            self._buckets[item.bucket].discard(item)
            item.bucket = 0

    def run(self, now: float) -> None:
        """Expire what is due. Called each tick; catches up when the loop was late."""
        last = int(now * TICKS_PER_SECOND)
        while self._done < last:
            self._done += 1
            bucket = self._buckets.pop(self._done, ())
            for item in bucket:  # all, before any acts: one may forget or arm another
                item.bucket = 0
            for item in bucket:
                if item.due > now:
                    self._park(item, int(item.due * TICKS_PER_SECOND) + 1)
                elif item.due:
                    item.due = NEVER
                    item.expire(now)

    def _park(self, item: Timed, bucket: int) -> None:
        if item.bucket:
            self._buckets[item.bucket].discard(item)
        item.bucket = max(bucket, self._done + 1)
        self._buckets.setdefault(item.bucket, set()).add(item)
