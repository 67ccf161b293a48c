"""The whole stand-in as one value that its doors share, and how it forgets everything."""

from msgspec import Struct

from alerts.pagerduty.standin.account import Account
from alerts.pagerduty.standin.clock import Clock
from alerts.pagerduty.standin.desk import Desk
from alerts.pagerduty.standin.faults import Faults
from alerts.pagerduty.standin.timeline import Timeline
from alerts.pagerduty.standin.window import EVENTS_PER_WINDOW, REST_PER_WINDOW, Window


class Settings(Struct, frozen=True, kw_only=True):
    """How a stand-in behaves."""

    adopt: bool = False
    """A well-formed routing key that nobody has gets a service of its own, instead of being refused."""
    scale: float = 1.0
    """How much faster than the wall's its clock runs. All its times and limits are by its clock."""
    processing_seconds: float = 0.0
    """How long an accepted event waits until it has its effect."""
    events_per_minute: int = EVENTS_PER_WINDOW
    rest_per_minute: int = REST_PER_WINDOW
    token: str | None = None
    """The only REST token it takes; None: any that looks like one."""


class Standin:
    """One stand-in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.scale)
        self.clear()

    def clear(self) -> None:
        """Forget everything, except what the clock says."""
        self.account = Account()
        self.timeline = Timeline()
        self.faults = Faults()
        self.desk = Desk(self.account, self.timeline, processing_seconds=self.settings.processing_seconds)
        self.events = Window(self.settings.events_per_minute)
        self.rest = Window(self.settings.rest_per_minute)

    def now(self) -> float:
        """Let happen what is due, and return the time."""
        now = self.clock.now()
        self.desk.run(now)
        return now
