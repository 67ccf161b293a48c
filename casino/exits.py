"""How commands end: what their exit codes mean, and how a spec is told that cannot be used."""

import sys
from collections.abc import Iterable

FINE, FINDING, UNUSABLE = 0, 1, 2


def refuse(problems: Iterable[object]) -> int:
    """Print everything that is wrong with the input, and return the exit code."""
    print(*problems, sep="\n", file=sys.stderr)
    return UNUSABLE
