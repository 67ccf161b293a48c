"""What an SRE writes: an alert, a recorded series, a group. Values only; `render` turns them into Prometheus' YAML."""

from enum import StrEnum
from functools import partial

from msgspec import Struct

from exporters.catalog.metric import Recorded
from exporters.promql import Vector


class Severity(StrEnum):
    """What an alert does to people (monitoring mixins' words)."""

    CRITICAL = "critical"
    """Pages, at any hour."""
    WARNING = "warning"
    """Opens a ticket for working hours."""
    INFO = "info"
    """Context beside other alerts; told to nobody by itself."""
    NONE = "none"
    """The dead man's switch: its silence is the alarm."""


class Alert(Struct, frozen=True, kw_only=True):
    """One alerting rule."""

    name: str
    """CamelCase; docs/runbooks/NAME.md tells what to do."""
    expr: Vector
    """True while there is a series."""
    for_seconds: float = 0.0
    """How long it must be true without a break."""
    severity: Severity
    team: str
    summary: str
    """One sentence, the same for every instance."""
    description: str
    """What is known of this instance: `{{ $labels.route }}`, `{{ $value | humanizePercentage }}`."""
    dashboard: str
    """Path and query below Grafana's address."""
    labels: dict[str, str] = {}
    """Further labels. Never a value that changes: each would be another alert."""


class Owner(Struct, frozen=True):
    """Whose alerts they are, and where Grafana shows what they are about."""

    team: str
    dashboard: str

    @property
    def page(self) -> partial[Alert]:
        """Begin an alert that pages."""
        return partial(Alert, severity=Severity.CRITICAL, team=self.team, dashboard=self.dashboard)

    @property
    def ticket(self) -> partial[Alert]:
        """Begin an alert that opens a ticket."""
        return partial(Alert, severity=Severity.WARNING, team=self.team, dashboard=self.dashboard)

    @property
    def note(self) -> partial[Alert]:
        """Begin an alert that is shown and told to nobody."""
        return partial(Alert, severity=Severity.INFO, team=self.team, dashboard=self.dashboard)


class Record(Struct, frozen=True, kw_only=True):
    """One recording rule."""

    series: Recorded
    expr: Vector
    labels: dict[str, str] = {}
    """Labels of the series that the expression does not give."""


class Group(Struct, frozen=True, kw_only=True):
    """Rules evaluated one after the other, at one time: each sees what those before it recorded."""

    name: str
    every_seconds: float
    rules: tuple[Alert | Record, ...]
