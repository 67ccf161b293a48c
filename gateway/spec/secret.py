"""Secrets: never in the spec, always a reference to where they are. What prints a spec prints the reference."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.spec.units import FilePath, Kind

EnvironmentName = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z_][A-Za-z0-9_]{0,99}$",
        description="the name of an environment variable",
        extra={"kind": Kind.REFERENCE},
    ),
]


class Secret(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a secret is. Exactly one key is given."""

    env: EnvironmentName | None = None
    """An environment variable of the gateway."""
    file: FilePath | None = None
    """A file; one newline at its end is not part of the secret. It is read again when it changes."""
