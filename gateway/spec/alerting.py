"""Alerts: who is told of trouble that belongs to no route, and where alerts lead those who answer them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.spec.bridge import HttpUrl
from gateway.spec.units import FilePath, Name

LinkPrefix = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*[^\s?#/])?$",
        max_length=300,
        description="the beginning of a URL such as `https://wiki.example/runbooks`, without `/` at its end",
    ),
]

_DAY = "(monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
Days = Annotated[
    str, Meta(pattern=f"^{_DAY}(:{_DAY})?$", description="a day or days such as `saturday` or `monday:friday`")
]
Times = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        description="a span within a day such as `00:00-07:00`",
    ),
]


class Mute(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When alerts wait: what fires then and still fires afterwards is told at the end. Nothing is forgotten."""

    days: Annotated[tuple[Days, ...], Meta(max_length=7)] = ()
    """On which days; none: on all."""
    times: Annotated[tuple[Times, ...], Meta(max_length=10)] = ()
    """At which times of these days; none: all day."""
    location: Annotated[str, Meta(pattern=r"^[A-Za-z]+([/_+-][A-Za-z0-9]+)*$", description="a time zone")] = "UTC"
    """In which time zone, such as `Europe/Berlin`."""
    teams: tuple[Name, ...] = ()
    """Whose alerts; none: everybody's."""
    severities: Annotated[tuple[Literal["critical", "warning"], ...], Meta(min_length=1)] = ("warning",)
    """Pages wait only if this says so."""


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told, and where links lead."""

    team: Name | None = None
    """Who runs the gateway: told of what concerns no route with a team. Absent: such alerts carry the team `unowned`."""
    runbooks: LinkPrefix | None = None
    """Where docs/runbooks/ is published. Absent: alerts name the page by its path in this repository."""
    dashboards: LinkPrefix | None = None
    """Grafana's address. Absent: alerts name the dashboard by its path."""
    own: FilePath | None = None
    """A Python file with alerts of yours (`ALERTS`) and their tests (`CASES`); `check` and `build` run it, `serve` never."""
    prometheus: HttpUrl = "http://127.0.0.1:9090"
    """Where Prometheus finds itself: it is watched, too."""
    alertmanagers: Annotated[tuple[HttpUrl, ...], Meta(min_length=1, max_length=10)] = ("http://127.0.0.1:9093",)
    """All of them: Prometheus tells each, with no load balancer between, and the bridge asks each what still fires."""
    mute: dict[Name, Mute] = {}
    """Times at which tickets, or pages, wait."""
    logs: LinkPrefix | None = None
    """Kibana's address. Absent: pages lead to no logs."""
    alertmanager: LinkPrefix | None = None
    """Alertmanager's address as people reach it. Absent: pages offer no silence."""
