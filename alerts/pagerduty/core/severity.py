"""PagerDuty's four severities, and how people write theirs. PagerDuty refuses any other spelling with 400."""

from enum import StrEnum


class Severity(StrEnum):
    """`critical` and `error` are urgent with a service's severity-based urgency, the others are not."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


SPELLINGS = {
    Severity.CRITICAL: ("critical", "page", "crit", "fatal", "emergency", "disaster", "p1", "sev1"),
    Severity.ERROR: ("error", "err", "high", "major", "p2", "sev2"),
    Severity.WARNING: ("warning", "warn", "ticket", "medium", "minor", "p3", "sev3"),
    Severity.INFO: ("info", "informational", "information", "notice", "low", "none", "debug", "p4", "p5", "sev4"),
}
_MEANT = {spelling: severity for severity, spellings in SPELLINGS.items() for spelling in spellings}

URGENT_RANK = 0
"""What the bridge itself has to say: a storm, a Watchdog that stopped."""
RANKS = {Severity.CRITICAL: 1, Severity.ERROR: 2, Severity.WARNING: 3, Severity.INFO: 4}
"""What is sent first."""
CHANGE_RANK = 5


def severity_of(written: str) -> Severity:
    """Understand a `severity` label. What nobody knows is an error: urgent, since it may be somebody's page."""
    return _MEANT.get(written.strip().lower(), Severity.ERROR)
