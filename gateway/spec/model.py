"""The whole spec as one value."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.spec.listen import Bounds, Drain, Listen, Log, Metrics
from gateway.spec.route import Route
from gateway.spec.units import Name, Text
from gateway.spec.upstream import Upstream


class Team(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who owns routes and is told of their trouble."""

    contact: Text
    """Where people reach the team: a mail address or a channel."""
    pages: Text | None = None
    """The team's on-call schedule."""


class Spec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything one gateway does."""

    casino: Literal[1]
    """The version of this format."""
    workers: Annotated[int, Meta(ge=0, le=256, description="a whole number from 0 to 256")] = 0
    """Worker processes; 0 is one per core."""
    listen: Listen = Listen()
    """Sockets: for clients, for operators, and who may speak for others."""
    bounds: Bounds = Bounds()
    """What one client may cost."""
    drain: Drain = Drain()
    """How the gateway stops."""
    log: Log = Log()
    """The access log."""
    metrics: Metrics = Metrics()
    """How latency is counted."""
    teams: dict[Name, Team] = {}
    """Who owns what."""
    upstreams: dict[Name, Upstream] = {}
    """The services behind the gateway."""
    routes: dict[Name, Route] = {}
    """Which requests go where. The most specific match wins, wherever it stands in the file."""
