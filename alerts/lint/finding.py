"""What the linter can find: each check's id, which never changes, how bad it is, and what it says. docs/lint.md has a
section for each.
"""

from typing import Literal

from msgspec import Struct

Level = Literal["error", "warning"]

CHECKS: dict[str, Level] = {
    "yaml": "error",
    "syntax": "error",
    "no-comparison": "error",
    "constant-comparison": "error",
    "division-by-zero": "error",
    "unguarded-division": "warning",
    "unknown-metric": "error",
    "unknown-label": "error",
    "unknown-bucket": "error",
    "impossible-matcher": "error",
    "rate-of-gauge": "error",
    "rate-of-aggregate": "error",
    "raw-counter": "error",
    "short-range": "error",
    "quantile-without-le": "error",
    "impossible-threshold": "error",
    "beyond-retention": "error",
    "severity": "error",
    "team": "error",
    "annotation": "warning",
    "alert-name": "warning",
    "value-in-label": "error",
    "template-label": "error",
    "short-for": "warning",
    "inhibit-label": "error",
    "duplicate-recording": "error",
    "duplicate-alert": "error",
    "duplicate-group": "error",
    "unused-recording": "warning",
    "suppression": "error",
}
"""By id. A warning is a habit that ends in trouble; an error is trouble already."""


class Finding(Struct, frozen=True, order=True):
    """One thing that is wrong at one place."""

    file: str
    line: int
    check: str
    rule: str
    """The alert's or recorded series' name; empty for the file as a whole."""
    message: str

    @property
    def level(self) -> Level:
        """How bad it is."""
        return CHECKS[self.check]

    def __str__(self) -> str:
        about = f" {self.rule}:" if self.rule else ""
        return f"{self.file}:{self.line}: {self.level}:{about} {self.message} [{self.check}]"
