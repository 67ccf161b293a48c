"""The whole spec as one value."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.spec.listen import Bounds, Drain, Listen, Log, Metrics
from gateway.spec.route import Route
from gateway.spec.units import Name
from gateway.spec.upstream import Upstream


class Team(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who owns routes and is told of their trouble."""

    contact: str
    pages: str | None = None
    """The team's on-call schedule."""


class Spec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything one gateway does."""

    casino: Literal[1]
    """The version of this format."""
    workers: Annotated[int, Meta(ge=0, le=256)] = 0
    """Worker processes; 0 is one per core. Changing it needs an upgrade."""
    listen: Listen = Listen()
    bounds: Bounds = Bounds()
    drain: Drain = Drain()
    log: Log = Log()
    metrics: Metrics = Metrics()
    teams: dict[Name, Team] = {}
    upstreams: dict[Name, Upstream] = {}
    routes: dict[Name, Route] = {}
