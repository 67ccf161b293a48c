"""PagerDuty's set-up: who is on call when, who is told next, and which services take the alerts of which team.

People are named by their mail address in PagerDuty; Casino makes no users.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.spec.secret import Secret
from gateway.spec.units import Count, Name, Seconds

Mail = Annotated[
    str,
    Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", description="a mail address such as `ann@casino.example`"),
]
ZoneName = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{1,60}$", description="a time zone such as `Europe/Berlin` or `Etc/UTC`"),
]
ClockTime = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="a time by the clocks such as `09:00`")
]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="a moment by the clocks such as `2026-01-05T09:00`",
    ),
]
Told = Annotated[
    str,
    Meta(
        pattern=r"^([a-z][a-z0-9-]{0,62}|[^@\s]{1,64}@[^@\s]{1,190})$",
        description="the name of a schedule, or a mail address",
    ),
]
Owner = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="a name of lower-case letters, digits and `-`")
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Repeats = Annotated[int, Meta(ge=0, le=9, description="a whole number from 0 to 9")]


class Hours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of the week, by the clocks of the schedule."""

    days: tuple[Day, ...] = ()
    """The days on which they begin. None: every day."""
    from_: ClockTime = field(default="00:00", name="from")
    """When they begin."""
    to: ClockTime = "00:00"
    """When they end: on the next day, when that is not later than `from`."""


class Layer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People who take turns."""

    users: Annotated[tuple[Mail, ...], Meta(min_length=1)]
    """In the order of their turns."""
    turn: Literal["12h", "1d", "2d", "7d", "14d", "28d"] = "7d"
    """How long a turn is."""
    begins: Moment = "2026-01-05T09:00"
    """A moment at which the first of them takes over, in the past or in the future."""
    during: tuple[Hours, ...] = ()
    """When it holds. None: always."""


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is on call when. Somebody must be, in each minute of the week."""

    time_zone: ZoneName
    """Whose clocks it follows."""
    layers: Annotated[dict[Name, Layer], Meta(min_length=1)]
    """The lowest first: where several hold, the last one does."""
    team: Name | None = None
    """Who owns it."""


class Level(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told together."""

    tell: Annotated[tuple[Told, ...], Meta(min_length=1, max_length=10)]
    """Schedules, or people."""
    after_seconds: Seconds = field(default=300, name="after")
    """How long they have until the next level is told, in whole minutes."""


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told, and who next."""

    levels: Annotated[tuple[Level, ...], Meta(min_length=1, max_length=20)]
    """The first is told at once."""
    repeat: Repeats = 1
    """How often all of it begins again, when nobody answers."""
    team: Name | None = None
    """Who owns it."""


class PagedService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be in trouble, as PagerDuty sees it."""

    policy: Name
    """Who is told."""
    urgency: Literal["severity", "high", "low"] = "severity"
    """Whether people are woken; `severity`: for critical and error, not for warning and info."""
    acknowledged_seconds: Seconds = field(default=1800, name="acknowledged")
    """How long an acknowledgement keeps others from being told. 0: until the incident ends."""
    resolves_seconds: Seconds = field(default=0, name="resolves")
    """An incident that is open for so long ends by itself, though its cause may not have. 0: never."""
    integrations: tuple[Name, ...] = ("casino",)
    """Ways in through the Events API v2; each has a key."""
    team: Name | None = None
    """Who owns it."""


class PagerDuty(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom PagerDuty tells, and how it is set up (`casino pagerduty`)."""

    keys: dict[Name, Secret] = {}
    """Integration keys (routing keys of the Events API v2), by the name that teams give as `pages`."""
    default: Name | None = None
    """The key for alerts of no team, of a team without a key, and for what the bridge itself has to say. Absent: the
    first of `keys`."""
    per_minute: Count = 120
    """Calls PagerDuty takes in any minute for one key; more only where PagerDuty agreed to it."""
    api_token: Secret | None = None
    """A REST token, which may write: sets PagerDuty up, and finds open incidents that PagerDuty lost. Absent: nobody looks."""
    owner: Owner = "casino"
    """Marks what this spec made, apart from what other specs or people did."""
    schedules: dict[Name, Schedule] = {}
    """Who is on call when."""
    policies: dict[Name, Policy] = {}
    """Who is told, and who next."""
    services: dict[Name, PagedService] = {}
    """What alerts are about."""
