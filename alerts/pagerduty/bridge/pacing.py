"""The pace of one routing key while the bridge runs: its tokens, its pause after failures, what is under way."""

from random import SystemRandom

from alerts.pagerduty.core.answer import Answer, Kind
from alerts.pagerduty.core.pace import Bucket, backoff, bucket, limited

MOST_AT_ONCE = 2
"""Calls of one routing key under way: a key that hangs leaves threads to the others."""
_DRAW = SystemRandom()


class Pace:
    """Used by the dispatcher's thread, but for `ended`, which assigns whole values."""

    def __init__(self, per_minute: int, now: float, called: int) -> None:
        """`called` are the calls of the last minute."""
        self.under_way: set[int] = set()
        self.failures = 0
        self._bucket: Bucket = bucket(per_minute, now, called)
        self._paused_until = 0.0

    def may_call(self, now: float) -> bool:
        """Say whether one more call may begin; after a failure, one at a time finds out whether PagerDuty is back."""
        self._bucket = self._bucket.filled(now)
        most = 1 if self.failures else MOST_AT_ONCE
        return self._bucket.tokens >= 1 and now >= self._paused_until and len(self.under_way) < most

    def begins(self, id_: int) -> None:
        """Take a token for an event."""
        self._bucket = self._bucket.taken()
        self.under_way.add(id_)

    def paused_seconds(self, now: float) -> float:
        """Return how long the key is still left alone."""
        return max(self._paused_until - now, 0.0)

    def judged(self, answer: Answer, now: float) -> bool:
        """Learn from an answer; True when calls get through again after failures."""
        if answer.kind in {Kind.ACCEPTED, Kind.REFUSED}:
            is_back, self.failures = self.failures > 0, 0
            self._paused_until = 0.0
            return is_back
        self.failures += 1
        draw = _DRAW.random()
        wait = (
            limited(self.failures, draw, answer.wait_seconds)
            if answer.kind is Kind.LIMITED
            else backoff(self.failures, draw)
        )
        self._paused_until = now + wait
        return False


def event_wait(attempts: int) -> float:
    """Return how long one event is left alone after so many tries."""
    return backoff(max(attempts, 1), _DRAW.random())
