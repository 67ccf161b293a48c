"""Who may talk to the control port from elsewhere than this machine."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.spec.secret import Secret
from gateway.spec.units import HostPattern, Name


class Token(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bearer token; its name stands in the audit log."""

    token: Secret
    """At least 32 characters."""
    role: Literal["read", "operate"] = "read"
    """`read` sees metrics, health and configuration; `operate` changes them too."""


AuditPath = Annotated[
    str, Meta(pattern=r"^(stderr|/[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f])$", description="`stderr` or an absolute path")
]


class Control(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Access to the control port. Loopback and UNIX sockets need no token; any other address does."""

    tokens: dict[Name, Token] = {}
    """By name. Several let a token be replaced without a moment when none works."""
    hosts: tuple[HostPattern, ...] = ()
    """Host names of the control port beyond addresses and private names."""
    audit: AuditPath = "stderr"
    """Where every refused and every changing call is written, one JSON line each."""
