"""Finds what somebody probably meant to write."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_CANDIDATES = 2_000
"""Beyond this many names a guess costs more than it helps."""


def meant(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known word, or None when nothing is near."""
    candidates = [name for name in known if abs(len(name) - len(word)) <= 3]
    if len(candidates) > MOST_CANDIDATES or len(word) > 100:
        return None
    same = {name.lower().replace("-", "_"): name for name in candidates}
    near = get_close_matches(word.lower().replace("-", "_"), same, n=1, cutoff=0.6)
    return f"did you mean `{same[near[0]]}`?" if near else None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return `a`, `b` and so on for a message."""
    words = [f"`{name}`" for name in names]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
