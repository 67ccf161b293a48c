"""Whether a request that failed may be tried once more: only where that is safe, and only so often."""

from typing import Final

from gateway.core.failure import Failure
from gateway.spec.upstream import Retry

IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
"""RFC 9110 section 9.2.2: done twice is the same as done once."""

REASONS: Final = {
    Failure.CONNECT_REFUSED: "connect",
    Failure.CONNECT_TIMEOUT: "connect",
    Failure.TLS: "connect",
    Failure.UPSTREAM_RESET: "reset",
    Failure.FIRST_BYTE_TIMEOUT: "timeout",
    Failure.IDLE_TIMEOUT: "timeout",
}
"""The spec's word for each failure that a retry may cure; a status stands for itself (`503`)."""

_WINDOW_SECONDS: Final = 10
_LEAST_PER_SECOND: Final = 3


def may_retry(retry: Retry, method: str, reason: str, *, tries: int, body_kept: bool) -> bool:
    """Say whether another try is allowed by the nature of the request; nothing has been sent to the client yet.

    `tries` counts those already made, `body_kept` says that the whole body can be sent again. The budget has its own say.
    """
    if tries > retry.attempts or reason not in retry.on or not body_kept:
        return False
    # A connection that never opened has carried no request: even a POST cannot have been received.
    return reason == "connect" or retry.unsafe or method in IDEMPOTENT


class Budget:
    """One worker's part of an upstream's retry budget: a share of the requests of the last ten seconds.

    `now` is monotonic, in seconds.
    """

    __slots__ = ("_least", "_ratio", "_requests", "_retries", "_second")

    def __init__(self, ratio: float, workers: int) -> None:
        self._ratio = ratio
        self._least = max(1.0, _LEAST_PER_SECOND * _WINDOW_SECONDS / workers)
        self._second = 0
        self._requests = [0] * _WINDOW_SECONDS
        """By second, in a ring."""
        self._retries = [0] * _WINDOW_SECONDS

    def count(self, now: float) -> None:
        """Count a request, not its retries."""
        second = int(now)
        if second != self._second:
            self._advance(second)
        self._requests[second % _WINDOW_SECONDS] += 1

    def take(self, now: float) -> bool:
        """Take one retry out of the budget, or say that it is used up."""
        second = int(now)
        if second != self._second:
            self._advance(second)
        if sum(self._retries) + 1 > max(self._least, self._ratio * sum(self._requests)):
            return False
        self._retries[second % _WINDOW_SECONDS] += 1
        return True

    def _advance(self, second: int) -> None:
        for passed in range(max(self._second + 1, second - _WINDOW_SECONDS + 1), second + 1):
            self._requests[passed % _WINDOW_SECONDS] = self._retries[passed % _WINDOW_SECONDS] = 0
        self._second = second
