"""The objects of an account in the words in which both sides are compared: names instead of ids, one form for each fact.

What is not here is not compared, and not changed: overrides, contact methods, what other tools added.
"""

from enum import StrEnum

from msgspec import Struct

from alerts.pagerduty.provision.hours import Stretch


class Kind(StrEnum):
    """The kinds of objects, in the order in which they are made; they go in the opposite one."""

    TEAM = "team"
    SCHEDULE = "schedule"
    POLICY = "escalation_policy"
    SERVICE = "service"

    @property
    def many(self) -> str:
        """The path of all of them."""
        return "escalation_policies" if self is Kind.POLICY else f"{self.value}s"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


class Team(Struct, frozen=True, kw_only=True):
    description: str


class Layer(Struct, frozen=True, kw_only=True):
    name: str
    users: tuple[str, ...]
    """Mail addresses, in the order of their turns."""
    turn_seconds: int
    phase_seconds: int
    """How long after `ANCHOR`, by the clocks of the schedule, the first of them takes over; within one cycle."""
    hours: tuple[Stretch, ...]


class Schedule(Struct, frozen=True, kw_only=True):
    description: str
    time_zone: str
    teams: tuple[str, ...]
    layers: tuple[Layer, ...]
    """The lowest first."""


class Level(Struct, frozen=True, kw_only=True):
    tell: tuple[str, ...]
    """Mail addresses, and names of schedules; sorted, as all are told at once."""
    after_minutes: int


class Policy(Struct, frozen=True, kw_only=True):
    description: str
    levels: tuple[Level, ...]
    repeat: int
    teams: tuple[str, ...]


class Service(Struct, frozen=True, kw_only=True):
    description: str
    policy: str
    urgency: str
    """severity, high or low; or what PagerDuty has that a spec cannot say."""
    acknowledgement_timeout_seconds: int | None
    auto_resolve_timeout_seconds: int | None
    teams: tuple[str, ...]
    integrations: tuple[str, ...]


Shape = Team | Schedule | Policy | Service
Shapes = dict[tuple[Kind, str], Shape]
"""By kind and name."""


def marker(owner: str) -> str:
    """Return what the description of an object says that a spec made."""
    return f"Made by Casino from its spec; what is changed here is changed back. [casino:{owner}]"


def is_owned(description: str | None, owner: str) -> bool:
    return f"[casino:{owner}]" in (description or "")
