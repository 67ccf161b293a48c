"""Edges of a route: who may come from where, which pages may call, and the headers that protect browsers."""

from typing import Annotated

from msgspec import Meta, Struct, field

from gateway.spec.units import HeaderName, Method, Network, Seconds

Origin = Annotated[
    str,
    Meta(
        pattern=r"^(\*|https?://(\*\.)?[a-z0-9.-]{1,253}(:[0-9]{1,5})?)$",
        description="an origin such as `https://shop.example`, `https://*.shop.example`, or `*`",
    ),
]


class Addresses(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Client addresses by list; the more specific network wins, `deny` on a tie."""

    allow: tuple[Network, ...] = ()
    """If any is named, whoever is in none of them is refused."""
    deny: tuple[Network, ...] = ()
    """Refused."""


class Cors(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cross-origin requests of pages (Fetch standard, section 3.2)."""

    origins: Annotated[tuple[Origin, ...], Meta(min_length=1)]
    """Pages that may call; `*` alone is every page, and then without credentials."""
    methods: tuple[Method, ...] = ()
    """Methods beyond GET, HEAD and POST; none: those of the route's matches."""
    headers: tuple[HeaderName, ...] = ()
    """Request headers a page may set."""
    expose: tuple[HeaderName, ...] = ()
    """Response headers a page may read."""
    credentials: bool = False
    """Cookies and credentials may come along."""
    max_age_seconds: Seconds = field(default=600, name="max_age")
    """How long a browser may remember the answer to a preflight."""
