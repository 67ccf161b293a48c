"""The Host a request is for: one spelling for each host, so that a dot or a capital cannot pick another route."""

import functools
import ipaddress
import re
from typing import Final, NamedTuple

from gateway.core.failure import Failure, Refused

_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,254})(?::([0-9]{0,5}))?").fullmatch
_LABELS: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*").fullmatch


class Host(NamedTuple):
    """A host in lower case without a trailing dot (IPv6 in brackets, shortest form) and the port, if one was named."""

    name: str
    port: int | None


@functools.lru_cache(maxsize=1024)
def parse(value: str) -> Host:
    """Read `host[:port]`. Names stay as sent otherwise: IDNA is not decoded, percent-encoding is refused.

    Raises:
        Refused: `BAD_HOST`.

    """
    found = _AUTHORITY(value)
    if not found:
        raise Refused(Failure.BAD_HOST)
    port = int(found[2]) if found[2] else None
    if port is not None and port > 65_535:
        raise Refused(Failure.BAD_HOST)
    return Host(_address(found[1]) if value.startswith("[") else _name(found[1]), port)


def _address(bracketed: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(bracketed[1:-1])}]"
    except ValueError:
        raise Refused(Failure.BAD_HOST) from None


def _name(text: str) -> str:
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not _LABELS(name):
        raise Refused(Failure.BAD_HOST)
    return name
