"""Routes: which requests, where to, and what is changed on the way."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.spec.consumer import Demand
from gateway.spec.edge import Addresses, Cors
from gateway.spec.limit import Limit
from gateway.spec.units import (
    Bytes,
    CookieName,
    HeaderName,
    HeaderValue,
    HostPattern,
    Method,
    Name,
    PathTemplate,
    PositiveSeconds,
    Regex,
    Share,
    Text,
    UrlPath,
)

MediaType = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}$",
        description="a media type such as `application/vnd.casino.v2+json`, in lower case",
    ),
]
"""RFC 6838 section 4.2, without parameters."""


QueryName = Annotated[
    str, Meta(min_length=1, max_length=100, description="the name of a query parameter, decoded, at most 100 long")
]


class Test(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition on a value. Exactly one key is given."""

    exact: Text | None = None
    """The value is this."""
    prefix: Text | None = None
    """The value begins with this."""
    regex: Regex | None = None
    """The whole value matches this RE2 expression."""
    present: bool | None = None
    """There is such a value (`true`), or there is none (`false`)."""


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions on a request; all must hold."""

    header: dict[HeaderName, Test] = {}
    """By header name, in any case."""
    cookie: dict[CookieName, Test] = {}
    """By cookie name."""
    query: dict[QueryName, Test] = {}
    """By the name of a query parameter."""
    media_type: MediaType | None = None
    """A media type named in Accept or in Content-Type."""


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests a route takes."""

    path: PathTemplate = "/**"
    """Exact, with one-segment fields (`/roll/{sides}`), or a prefix (`/admin/**` takes `/admin` and all below it)."""
    methods: tuple[Method, ...] = ()
    """Methods; none: every method. GET takes HEAD too."""
    hosts: tuple[HostPattern, ...] = ()
    """`shop.example`, or `*.shop.example` for any name below it; none: every host."""
    when: When = When()
    """Further conditions, all of which must hold."""


class Arm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way a split may send a request. Rules (`when`) are tried in order, then the others share by weight.

    Weights that are given for all must add up to 100 %.
    """

    version: Name
    """A version of the route's upstream."""
    when: When | None = None
    """Which requests this arm takes before weights are asked."""
    weight_ratio: Share | None = field(default=None, name="weight")
    """The arm's part of requests that no rule took. Absent: an equal part of what the others leave."""


Authority = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,253}(:[0-9]{1,5})?$", description="a host, with a port if need be")
]


class Rewrite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the upstream sees instead of the client's path and host."""

    path: PathTemplate | None = None
    """A new path; may use the fields of the route's path (`/dice/{sides}`), and `**` for what the prefix left over."""
    strip_prefix: UrlPath | None = None
    """Whole segments taken off the front: `/api` makes `/api/roll` into `/roll`."""
    host: Authority | None = None
    """The Host header, instead of what the upstream's `host` says."""


class HeaderRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Header changes, applied in this order: remove, set, add."""

    remove: tuple[HeaderName, ...] = ()
    """Names of headers that are taken away."""
    set: dict[HeaderName, HeaderValue] = {}
    """Headers that replace whatever is there."""
    add: dict[HeaderName, HeaderValue] = {}
    """Header lines put behind those that are there."""


class Headers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes to the request on its way up and the response on its way down."""

    request: HeaderRules = HeaderRules()
    """What the upstream sees."""
    response: HeaderRules = HeaderRules()
    """What the client sees."""


Body = Annotated[str, Meta(max_length=100_000, description="text")]


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fixed answer given by the gateway itself."""

    status: Annotated[int, Meta(ge=200, le=599, description="a status code from 200 to 599")]
    """The status code."""
    headers: dict[HeaderName, HeaderValue] = {}
    """Its headers; Content-Length is added."""
    body: Body = ""
    """Its body, sent as UTF-8."""
    maintenance: bool = False
    """A planned outage: counted neither as good nor as bad."""


class LatencyObjective(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of requests that is answered in time."""

    ratio: Share = field(name="share")
    """The share of requests that must be fast enough."""
    within_seconds: PositiveSeconds = field(name="within")
    """How long the first byte of their answer may take; an edge of `metrics.latency_buckets`."""


class Objectives(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the route promises."""

    availability_ratio: Share | None = field(default=None, name="availability")
    """The share of requests that must not end in a 5xx."""
    latency: LatencyObjective | None = None
    """How many requests must be how fast."""
    period: Literal["7d", "28d", "30d", "90d"] = "30d"
    """How far back the promise is kept: what failed longer ago is forgiven."""


UpgradeToken = Annotated[
    str, Meta(pattern="^[a-z0-9.-]{1,50}$", description="an upgrade token such as `websocket`, in lower case")
]


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the routing table. Exactly one of `to` and `answer` is set."""

    match: Annotated[tuple[Match, ...], Meta(min_length=1)]
    """Which requests it takes: one match or several."""
    to: Name | None = None
    """The upstream they go to."""
    answer: Answer | None = None
    """The fixed answer they get instead."""
    split: tuple[Arm, ...] = ()
    """Which version gets what: a list of arms, or shares (`{v1: 90%, v2: 10%}`). None: every version equally."""
    rewrite: Rewrite = Rewrite()
    """What the upstream sees as path and host."""
    headers: Headers = Headers()
    """Changes to headers, both ways."""
    timeout_seconds: PositiveSeconds | None = field(default=None, name="timeout")
    """Instead of the upstream's total timeout."""
    body_bytes: Bytes | None = field(default=None, name="body")
    """Instead of `bounds.body`."""
    answer_bytes: Bytes | None = field(default=None, name="answer_body")
    """The largest answer of the upstream passed on; a longer one is 502 `answer_too_large`. Absent: any size."""
    identity: Demand | None = None
    """What callers must show. Absent: nothing."""
    limits: dict[Name, Limit] = {}
    """How much of it: limits of this route alone."""
    addresses: Addresses = Addresses()
    """Client addresses let in or kept out."""
    cors: Cors | None = None
    """Pages of other sites that may call. Absent: none is told so."""
    security_headers: bool = False
    """Add headers that protect browsers to every answer (docs/edges.md lists them); the upstream's own win."""
    upgrades: tuple[UpgradeToken, ...] = ()
    """Upgrade tokens let through (`websocket`). `h2c` is never."""
    team: Name | None = None
    """Who owns the route."""
    objectives: Objectives = Objectives()
    """What it promises."""
