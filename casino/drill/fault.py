"""What a fault is: what it breaks, on which ground, what it touches, and the alerts it must set off."""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from casino.drill.key import Key


class Ground(StrEnum):
    """A local stack of its own: what is broken on one is not noticed on another, so all are drilled side by side."""

    SERVICES = "services"
    """Two gateways, the games, and the alerts of both."""
    BUDGETS = "budgets"
    """One gateway with days of history, and what compares with the past."""
    WATCHERS = "watchers"
    """Prometheus, two Alertmanagers and the bridge alone."""
    CLOCK = "clock"
    """One gateway with an hour of history; every duration as in production."""


SCALES = {Ground.SERVICES: 1 / 15, Ground.BUDGETS: 1 / 40, Ground.WATCHERS: 1 / 20, Ground.CLOCK: 1.0}
"""How much shorter all durations of the rules are: as short as faults in the processes themselves, which nobody can hurry, allow."""


class Told(StrEnum):
    """Over which way people hear of an alert."""

    ITSELF = "page"
    """Prometheus, Alertmanager, bridge: an incident of its own."""
    AFTERWARDS = "page afterwards"
    """The same, once the fault is over: the fault is in that way, or something that says it better inhibits it."""
    BRIDGE = "the bridge"
    """The way is cut: the bridge pages by itself, because the Watchdog fell silent or its disk takes nothing."""
    NOBODY = "nobody"
    """Of severity info."""


class Trial(Struct, frozen=True, kw_only=True):
    """One alert that a fault must set off."""

    key: Key
    effect_seconds: float = 0.0
    """By the wall's clock, from the fault until what Prometheus scrapes shows it."""
    window_seconds: float = 0.0
    """By the rule's clock, from then until its expression holds; its `for` comes on top."""
    clears_seconds: float = 0.0
    """By the rule's clock, from the end of the fault until its expression no longer holds."""
    told: Told = Told.ITSELF
    own: str = "watchdog"
    """Which of the bridge's own incidents, if it is the bridge that tells."""


class Fault(Struct, frozen=True, kw_only=True):
    """One way to break a ground."""

    name: str
    """What `casino drill NAME` takes."""
    what: str
    """What is broken, for people."""
    ground: Ground
    touches: tuple[str, ...]
    """What nobody else may touch meanwhile: `dice`, or a part of it, `b/clients`."""
    trials: tuple[Trial, ...]
    subject: str = ""
    """The upstream it is about, if it is about one."""

    def meets(self, other: "Fault") -> bool:
        """Whether both touch the same thing, or one a part of what the other touches."""
        return any(
            mine == theirs or mine.startswith(f"{theirs}/") or theirs.startswith(f"{mine}/")
            for mine in self.touches
            for theirs in other.touches
        )


class Undrilled(Struct, frozen=True):
    """An alert that no fault sets off, and why."""

    key: Key
    reason: str


def with_trials(fault: Fault, trials: tuple[Trial, ...]) -> Fault:
    """Return a fault that must set off other alerts."""
    return replace(fault, trials=trials)
