"""What an account consists of, in the words of the REST API: the Structs are its documents, and refuse other fields.

The stand-in is stricter than PagerDuty: a field that is not documented is refused instead of ignored.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

DayNumber = Annotated[int, Meta(ge=1, le=7)]
"""Monday is 1."""
TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$")]
Title = Annotated[str, Meta(min_length=1, max_length=255)]
DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS


class Urgency(StrEnum):
    """Whether somebody is woken."""

    HIGH = "high"
    LOW = "low"


class Reference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names another object."""

    id: str
    type: str
    summary: str | None = None
    self: str | None = None
    html_url: str | None = None


class Resource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every object has; PagerDuty fills it in."""

    id: str = ""
    type: str = ""
    summary: str | None = None
    self: str | None = None
    html_url: str | None = None


class Team(Resource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who owns services and schedules."""

    name: Title
    description: str | None = None


class User(Resource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who can be told."""

    name: Title
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=255)]
    role: Literal["admin", "limited_user", "observer", "owner", "read_only_user", "restricted_access", "user"] = "user"
    time_zone: str = "Etc/UTC"
    description: str | None = None
    job_title: str | None = None


class Restriction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of the day or week in which a layer holds, by the clocks of its schedule."""

    type: Literal["daily_restriction", "weekly_restriction"]
    start_time_of_day: TimeOfDay
    duration_seconds: Annotated[int, Meta(ge=1, le=WEEK_SECONDS)]
    start_day_of_week: DayNumber | None = None

    def __post_init__(self) -> None:
        if (self.start_day_of_week is None) != (self.type == "daily_restriction"):
            raise ValueError("start_day_of_week belongs to a weekly_restriction, and must be there")
        if self.type == "daily_restriction" and self.duration_seconds > DAY_SECONDS:
            raise ValueError("a daily_restriction lasts at most a day")


class LayerUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn of a rotation."""

    user: Reference


class Layer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Users who take turns."""

    id: str = ""
    name: str | None = None
    start: datetime
    end: datetime | None = None
    rotation_virtual_start: datetime
    rotation_turn_length_seconds: Annotated[int, Meta(ge=3600, le=365 * DAY_SECONDS)]
    users: Annotated[list[LayerUser], Meta(min_length=1)]
    restrictions: list[Restriction] = []


class Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who stands in on a schedule for a while."""

    id: str = ""
    start: datetime
    end: datetime
    user: Reference

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("an override ends after it starts")


class Schedule(Resource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is on call when."""

    name: Title
    time_zone: str
    description: str | None = None
    schedule_layers: Annotated[list[Layer], Meta(min_length=1)]
    """Sent with the lowest first; answered with the highest first, as PagerDuty does."""
    teams: list[Reference] = []

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError):
            raise ValueError(f"{self.time_zone!r} is no time zone") from None


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a level tells."""

    id: str
    type: Literal["user", "schedule", "user_reference", "schedule_reference"]
    summary: str | None = None
    self: str | None = None
    html_url: str | None = None


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One level of an escalation policy."""

    id: str = ""
    escalation_delay_in_minutes: Annotated[int, Meta(ge=1)]
    targets: Annotated[list[Target], Meta(min_length=1, max_length=10)]


class Policy(Resource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told, and who next."""

    name: Title
    description: str | None = None
    escalation_rules: Annotated[list[Rule], Meta(min_length=1, max_length=20)]
    num_loops: Annotated[int, Meta(ge=0, le=9)] = 0
    on_call_handoff_notifications: Literal["if_has_services", "always"] = "if_has_services"
    teams: list[Reference] = []
    services: list[Reference] = []


class HoursUrgency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How urgent incidents are within or outside the support hours."""

    type: Literal["constant"] = "constant"
    urgency: Literal["high", "low", "severity_based"]


class UrgencyRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How urgent the incidents of a service are."""

    type: Literal["constant", "use_support_hours"]
    urgency: Literal["high", "low", "severity_based"] | None = None
    during_support_hours: HoursUrgency | None = None
    outside_support_hours: HoursUrgency | None = None

    def __post_init__(self) -> None:
        by_hours = self.during_support_hours is not None and self.outside_support_hours is not None
        if (self.type == "constant") == by_hours or (self.type == "constant") != (self.urgency is not None):
            raise ValueError("a constant rule has an urgency; use_support_hours has one for each part of the week")


class SupportHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When people work."""

    type: Literal["fixed_time_per_day"]
    time_zone: str
    days_of_week: Annotated[list[DayNumber], Meta(min_length=1)]
    start_time: TimeOfDay
    end_time: TimeOfDay


class Integration(Resource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way in to a service; its key is what events are sent with."""

    name: Title
    integration_key: str = ""
    service: Reference | None = None
    created_at: datetime | None = None


class Service(Resource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be in trouble."""

    name: Title
    description: str | None = None
    status: Literal["active", "warning", "critical", "maintenance", "disabled"] = "active"
    escalation_policy: Reference
    teams: list[Reference] = []
    auto_resolve_timeout: Annotated[int, Meta(ge=0)] | None = 14_400
    acknowledgement_timeout: Annotated[int, Meta(ge=0)] | None = 1_800
    incident_urgency_rule: UrgencyRule = UrgencyRule(type="constant", urgency="high")
    support_hours: SupportHours | None = None
    alert_creation: Literal["create_alerts_and_incidents", "create_incidents"] = "create_alerts_and_incidents"
    integrations: list[Reference] = []
    created_at: datetime | None = None


class Maintenance(Resource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time in which services trigger no incidents."""

    start_time: datetime
    end_time: datetime
    description: str | None = None
    services: Annotated[list[Reference], Meta(min_length=1)]

    def __post_init__(self) -> None:
        if self.end_time <= self.start_time:
            raise ValueError("a maintenance window ends after it starts")
