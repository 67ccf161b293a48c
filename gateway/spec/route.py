"""Routes: which requests, where to, and what is changed on the way."""

from typing import Annotated

from msgspec import Meta, Struct, field

from gateway.spec.units import Bytes, Name, PositiveSeconds, Regex, Share


class Test(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition on a value: a bare string is the short form of `exact`. Exactly one field is set."""

    exact: str | None = None
    prefix: str | None = None
    regex: Regex | None = None
    present: bool | None = None


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions on a request; all must hold."""

    header: dict[str, Test] = {}
    cookie: dict[str, Test] = {}
    query: dict[str, Test] = {}
    media_type: str | None = None
    """A media type named in Accept or, for a request with a body, in Content-Type."""


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests a route takes; `GET /roll/{sides}` and `GET,POST shop.example/cart/**` are short forms."""

    path: Annotated[str, Meta(pattern="^/")] = "/**"
    """Exact, with one-segment fields (`/roll/{sides}`), or a prefix (`/admin/**` takes `/admin` and all below it)."""
    methods: tuple[Annotated[str, Meta(pattern="^[A-Z]{1,20}$")], ...] = ()
    """Empty: every method. GET takes HEAD too."""
    hosts: tuple[str, ...] = ()
    """`shop.example`, or `*.shop.example` for any name below it. Empty: every host."""
    when: When = When()


class Arm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way a split may send a request. Rules (`when`) are tried in order, then the others share by weight.

    Short form of a split: `{v1: 90%, v2: 10%}`; the shares must add up to 100 %.
    """

    version: Name
    when: When | None = None
    weight_ratio: Share | None = field(default=None, name="weight")
    """The arm's part of requests that no rule took. Absent: an equal part of what the others leave."""


class Rewrite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the upstream sees instead of the client's path and host."""

    path: Annotated[str, Meta(pattern="^/")] | None = None
    """A new path; may use the fields of the route's path (`/dice/{sides}`), and `**` for what the prefix left over."""
    strip_prefix: Annotated[str, Meta(pattern="^/")] | None = None
    host: str | None = None


class HeaderRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Header changes, applied in this order: remove, set, add."""

    remove: tuple[str, ...] = ()
    set: dict[str, str] = {}
    add: dict[str, str] = {}


class Headers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes to the request on its way up and the response on its way down."""

    request: HeaderRules = HeaderRules()
    response: HeaderRules = HeaderRules()


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fixed answer given by the gateway itself."""

    status: Annotated[int, Meta(ge=200, le=599)]
    headers: dict[str, str] = {}
    body: str = ""
    maintenance: bool = False
    """A planned outage: counted neither as good nor as bad."""


class LatencyObjective(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`99% within 100ms` is the short form."""

    ratio: Share = field(name="share")
    within_seconds: PositiveSeconds = field(name="within")


class Objectives(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the route promises."""

    availability_ratio: Share | None = field(default=None, name="availability")
    latency: LatencyObjective | None = None


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the routing table. Exactly one of `to` and `answer` is set."""

    match: tuple[Match, ...]
    """One or several; a single one needs no list."""
    to: Name | None = None
    answer: Answer | None = None
    split: tuple[Arm, ...] = ()
    """Empty: every version of the upstream by equal weight, if there is more than one."""
    rewrite: Rewrite = Rewrite()
    headers: Headers = Headers()
    timeout_seconds: PositiveSeconds | None = field(default=None, name="timeout")
    """Instead of the upstream's total timeout."""
    body_bytes: Bytes | None = field(default=None, name="body")
    """Instead of `bounds.body`."""
    upgrades: tuple[Annotated[str, Meta(pattern="^[a-z0-9.-]+$")], ...] = ()
    """Upgrade tokens let through (`websocket`). `h2c` is never."""
    team: Name | None = None
    objectives: Objectives = Objectives()


