"""References to secrets: where one is, is said in exactly one way."""

from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules.report import Report
from gateway.spec.secret import Secret


def check(secret: Secret, path: Path, report: Report) -> None:
    """Check one reference; whether it leads to anything is seen by the process that uses it."""
    stated = (secret.env is not None) + (secret.file is not None)
    if stated != 1 and report.sound(path):
        report.refuse(path, Fault.CONFLICT, f"exactly one of `env` and `file` is needed, not {stated}")
