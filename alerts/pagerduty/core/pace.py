"""How fast one routing key may be called, and how long to wait after a failure.

PagerDuty takes about 120 calls in any 60 seconds for one key. A bucket of B tokens, filled at r a second, lets at most
B + 60 r through in any minute, so a quarter of the limit is the bucket and three quarters are its filling.
"""

from msgspec import Struct
from msgspec.structs import replace

BURST_RATIO = 0.25
FIRST_SECONDS = 1.0
MOST_SECONDS = 60.0
LIMITED_SECONDS = 15.0
"""After 429: PagerDuty's pages advise 30 s in one place, minutes in another; doubling covers both."""
MOST_LIMITED_SECONDS = 300.0


class Bucket(Struct, frozen=True):
    """The tokens of one key at one moment."""

    per_minute: int
    tokens: float
    at: float

    def filled(self, now: float) -> "Bucket":
        """Return it as it is now."""
        rate = self.per_minute * (1 - BURST_RATIO) / 60
        tokens = min(burst(self.per_minute), self.tokens + max(now - self.at, 0.0) * rate)
        return replace(self, tokens=tokens, at=now)

    def taken(self) -> "Bucket":
        """Return it with one token less."""
        return replace(self, tokens=self.tokens - 1)


def burst(per_minute: int) -> float:
    """Return how many calls may come at once."""
    return max(1.0, per_minute * BURST_RATIO)


def bucket(per_minute: int, now: float, called: int) -> Bucket:
    """Begin with what the calls of the last minute left, so that restarts never add up to more than the limit."""
    return Bucket(per_minute, max(0.0, burst(per_minute) - called), now)


def backoff(failures: int, draw: float) -> float:
    """Return the seconds to wait after so many failures in a row (1 or more); `draw` in [0, 1) spreads callers."""
    return _spread(min(FIRST_SECONDS * 2.0 ** min(failures - 1, 20), MOST_SECONDS), draw)


def limited(failures: int, draw: float, asked: float) -> float:
    """Return the seconds to leave a key alone after 429; `asked` is what the answer wants (Retry-After), or 0."""
    wait = min(LIMITED_SECONDS * 2.0 ** min(failures - 1, 20), MOST_LIMITED_SECONDS)
    return max(_spread(wait, draw), min(asked, MOST_LIMITED_SECONDS))


def _spread(seconds: float, draw: float) -> float:
    return seconds * (0.5 + draw / 2)
