"""Alerts: who is told of trouble that belongs to no route, and where alerts lead those who answer them."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.spec.units import Name

LinkPrefix = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*[^\s?#/])?$",
        max_length=300,
        description="the beginning of a URL such as `https://wiki.example/runbooks`, without `/` at its end",
    ),
]


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told, and where links lead."""

    team: Name | None = None
    """Who runs the gateway: told of what concerns no route with a team. Absent: such alerts carry the team `unowned`."""
    runbooks: LinkPrefix | None = None
    """Where docs/runbooks/ is published. Absent: alerts name the page by its path in this repository."""
    dashboards: LinkPrefix | None = None
    """Grafana's address. Absent: alerts name the dashboard by its path."""
    logs: LinkPrefix | None = None
    """Kibana's address. Absent: pages lead to no logs."""
    alertmanager: LinkPrefix | None = None
    """Alertmanager's address as people reach it. Absent: pages offer no silence."""
