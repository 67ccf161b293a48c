"""Trace and request identity: W3C Trace Context level 1, and the rules for X-Request-Id. Random bits are arguments."""

import re
from typing import Final

from msgspec import Struct

_TRACEPARENT: Final = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
).fullmatch
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch

_SAMPLED: Final = "01"
"""What a service would do with a request that carries no trace: begin one. The gateway must not forbid it (`00`)."""


def continues(traceparent: bytes) -> bool:
    """Say whether a trace goes on by this: then its `tracestate` does too, and else means nothing (section 3.3)."""
    return _read(traceparent) is not None


class Trace(Struct, frozen=True):
    """The trace a request belongs to, and the gateway's own part of it, all in lower-case hexadecimal."""

    trace_id: str
    span_id: str
    flags: str

    def header(self) -> bytes:
        """The value of `traceparent` for the upstream."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}".encode()


def follow(traceparent: bytes, digits: str) -> Trace:
    """Continue a valid trace, or begin one where there is none (an invalid one is none, section 4.3).

    `digits` are 48 random ones: 32 for a trace, 16 for the gateway's part of it; neither all 0.
    """
    found = _read(traceparent)
    if found is None:
        return Trace(digits[:32], digits[32:], _SAMPLED)
    return Trace(found[2].decode(), digits[32:], found[4].decode())


def _read(traceparent: bytes) -> re.Match[bytes] | None:
    found = _TRACEPARENT(traceparent)
    # Version 00 ends after the flags; a later one may go on (section 3.2.4).
    return None if found is None or (found[1] == b"00" and found[5] is not None) else found


def request_id(claimed: bytes, digits: str) -> str:
    """Give a request's id: the one that a trusted proxy claims, if it is well-formed, else one made of 32 random digits."""
    return claimed.decode() if _REQUEST_ID(claimed) else digits[:32]
