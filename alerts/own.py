"""What an SRE's own file of alerts gives, and its rules and tests in the bundle. Runs nothing: `casino.own` does."""

from msgspec import Struct

from alerts.proof.case import Case
from alerts.proof.render import cases_file
from alerts.render import EVERY_SECONDS
from alerts.rule import Alert, Group
from alerts.text import rules_file
from gateway.spec.alerting import Alerts

FILE = "own"
RULES = f"prometheus/rules/{FILE}.yaml"


class Own(Struct, frozen=True):
    """The values of a file: `ALERTS`, and `CASES` that test them."""

    alerts: tuple[Alert, ...] = ()
    cases: tuple[Case, ...] = ()


def render(own: Own, links: Alerts) -> dict[str, str]:
    """Return rules and tests by their path below the build's folder."""
    if not own.alerts:
        return {}
    group = Group(name=FILE, every_seconds=EVERY_SECONDS, rules=own.alerts)
    return {RULES: rules_file((group,), links)} | cases_file(FILE, own.cases)
