"""Edges of a route: who may come from where, which pages may call, and the headers that protect browsers."""

from typing import Annotated

from msgspec import Meta, Struct, field

from gateway.spec.units import HeaderName, Method, Network, Seconds

Origin = Annotated[
    str,
    Meta(
        pattern=r"^(\*|null|https?://(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*(:[0-9]{1,5})?)$",
        description="an origin such as `https://shop.example` or `https://*.shop.example`, in lower case, or `*`",
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
    """Pages that may call; `*` alone is every page, without credentials. `"null"` is a page of no site, such as a file."""
    methods: tuple[Method, ...] = ()
    """Methods beyond GET, HEAD and POST, which need no leave; none: those of the route's matches."""
    headers: tuple[HeaderName, ...] = ()
    """Request headers a page may set beyond those that need no leave; `*` is any, save Authorization."""
    expose: tuple[HeaderName, ...] = ()
    """Response headers a page may read beyond those it always may."""
    credentials: bool = False
    """Cookies and credentials may come along."""
    max_age_seconds: Seconds = field(default=600, name="max_age")
    """How long a browser may remember the answer to a preflight."""
