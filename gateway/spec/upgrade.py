"""Which settings a reload cannot apply, and why: the one table for reload, `casino check` and docs/spec.md.

Everything else is applied by a reload, to the next request.
"""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gateway.spec.model import Spec


class Fixed(Struct, frozen=True):
    """One setting that holds as long as the build runs."""

    setting: str
    """As the user writes it."""
    fields: tuple[str, ...]
    """Where the Structs hold it."""
    why: str


NEEDS_UPGRADE = (
    Fixed("workers", ("workers",), "workers are forked from the supervisor, with their memory, when the build starts"),
    Fixed(
        "listen",
        ("listen",),
        "the supervisor binds the sockets before it gives up its rights; the TLS files it names are followed by themselves",
    ),
    Fixed("log.to", ("log", "to"), "the writer holds the sink, and lines on their way to it"),
    Fixed("log.ring", ("log", "ring_bytes"), "a worker's shared memory is laid out when the build starts"),
    Fixed("metrics.series", ("metrics", "series"), "a worker's shared memory is laid out when the build starts"),
)


def settle(running: Spec, wanted: Spec) -> tuple[Spec, tuple[str, ...]]:
    """Return what a reload makes of a wanted spec, and the settings that differ and wait for an upgrade."""
    settled, waiting = wanted, []
    for fixed in NEEDS_UPGRADE:
        value = _get(running, fixed.fields)
        if value != _get(wanted, fixed.fields):
            waiting.append(fixed.setting)
            settled = _put(settled, fixed.fields, value)
    return settled, tuple(waiting)


def _get(part: Any, fields: tuple[str, ...]) -> Any:
    return _get(getattr(part, fields[0]), fields[1:]) if fields else part


def _put(part: Any, fields: tuple[str, ...], value: Any) -> Any:
    first, *rest = fields
    return replace(part, **{first: _put(getattr(part, first), tuple(rest), value) if rest else value})
