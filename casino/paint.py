"""Colours for people at a terminal, and for nobody else (NO_COLOR, no-color.org)."""

import os
from typing import TextIO

from gateway.spec.problem import Problem, Severity

RED, GREEN, YELLOW, BOLD, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


class Paint:
    """Colours for one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._on = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def problem(self, problem: Problem) -> str:
        """Return a finding with its place in bold and its severity in colour."""
        if not self._on:
            return str(problem)
        colour = RED if problem.severity is Severity.ERROR else YELLOW
        place, _, rest = str(problem).partition(f": {problem.severity}: ")
        return f"{BOLD}{place}:{PLAIN} {colour}{problem.severity}:{PLAIN} {rest}"

    def verdict(self, line: str, *, good: bool) -> str:
        """Return a line green or red."""
        return f"{GREEN if good else RED}{line}{PLAIN}" if self._on else line
