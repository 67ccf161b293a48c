"""Random digits for trace, span and request ids, drawn from the kernel many at a time."""

import os
from typing import Final

DIGITS: Final = 48
"""Hexadecimal: 32 for a trace, 16 for a span."""
_AT_ONCE: Final = 256


class Identities:
    """A supply of ids: unguessable, never all zeros for all that matters (2^-64)."""

    __slots__ = ("_at", "_digits")

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0

    def next(self) -> str:
        """Give the next `DIGITS` digits."""
        at = self._at
        if at == len(self._digits):
            self._digits = os.urandom(_AT_ONCE * DIGITS // 2).hex()
            at = 0
        self._at = end = at + DIGITS
        return self._digits[at:end]
