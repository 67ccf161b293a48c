"""How much of its weight an address carries after it came back."""

from collections.abc import Set as AbstractSet

from msgspec import Struct

Key = tuple[str, str, int]
"""An address of a target: target, host, port."""

FIRST_RATIO = 0.1
STEPS = 18
"""Weights grow in steps of 5 %, so that a slow start publishes few editions."""


class Returns(Struct, frozen=True):
    """Which addresses are out now, and since when those that came back are in (seconds, monotonic)."""

    out: frozenset[Key] = frozenset()
    since: dict[Key, float] = {}


def step(returns: Returns, out: AbstractSet[Key], now: float, seconds: float) -> Returns:
    """Note what left and what came back; `out` names the addresses that take no traffic now."""
    since = {key: begun for key, begun in returns.since.items() if key not in out and now - begun < seconds}
    since |= {key: now for key in returns.out - out if seconds > 0}
    if out == returns.out and since == returns.since:
        return returns
    return Returns(frozenset(out), since)


def ratio(since: float | None, now: float, seconds: float) -> float:
    """Share of its weight an address has: a tenth at its return, all of it `seconds` later or if it was never out."""
    if since is None or now - since >= seconds:
        return 1.0
    reached = max(0, int(STEPS * (now - since) / seconds))
    return FIRST_RATIO + (1 - FIRST_RATIO) * reached / STEPS


def begun(share: float, now: float, seconds: float) -> float:
    """Turn a published share back into the time of return: a restarted control process goes on where it was."""
    return now - seconds * (share - FIRST_RATIO) / (1 - FIRST_RATIO)
