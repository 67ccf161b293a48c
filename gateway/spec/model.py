"""The whole spec as one value."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.spec.access import Control
from gateway.spec.alerting import Alerts
from gateway.spec.bridge import Bridge
from gateway.spec.consumer import Consumer, Identity, Issuer
from gateway.spec.edge import Addresses
from gateway.spec.limit import Limit, Store
from gateway.spec.listen import Bounds, Drain, Listen, Log, Metrics
from gateway.spec.pagerduty import PagerDuty
from gateway.spec.route import Route
from gateway.spec.units import Name, Text
from gateway.spec.upstream import Upstream


class Team(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who owns routes and is told of their trouble."""

    contact: Text
    """Where people reach the team: a mail address or a channel."""
    pages: Text | None = None
    """Who is paged: the name of a key of `pagerduty.keys`."""


class Spec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything one gateway does."""

    casino: Literal[1]
    """The version of this format."""
    workers: Annotated[int, Meta(ge=0, le=256, description="a whole number from 0 to 256")] = 0
    """Worker processes; 0 is one per core."""
    listen: Listen = Listen()
    """Sockets: for clients, for operators, and who may speak for others."""
    control: Control = Control()
    """Who may use the control port from elsewhere than this machine."""
    store: Store | None = None
    """What gateways share: quotas, and limits over a fleet. Absent: limits are this gateway's own."""
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
    alerts: Alerts = Alerts()
    """Who is told of trouble that belongs to no route, and where alerts lead."""
    pagerduty: PagerDuty = PagerDuty()
    """Who is on call, and how PagerDuty is set up."""
    bridge: Bridge = Bridge()
    """How alerts are carried to PagerDuty (`casino bridge serve`)."""
    identity: Identity = Identity()
    """How credentials come in and callers are named to services."""
    issuers: dict[Name, Issuer] = {}
    """Who signs tokens."""
    consumers: dict[Name, Consumer] = {}
    """Who calls."""
    limits: dict[Name, Limit] = {}
    """How much everybody may ask for, over all routes."""
    addresses: Addresses = Addresses()
    """Client addresses let in or kept out on every route."""
    upstreams: dict[Name, Upstream] = {}
    """The services behind the gateway."""
    routes: dict[Name, Route] = {}
    """Which requests go where. The most specific match wins, wherever it stands in the file."""
