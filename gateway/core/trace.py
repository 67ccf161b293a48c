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


class Trace(Struct, frozen=True):
    """The trace a request belongs to, and the gateway's own part of it, all in lower-case hexadecimal."""

    trace_id: str
    span_id: str
    flags: str
    continued: bool
    """The client began it: its tracestate goes on too."""

    def header(self) -> bytes:
        """The value of `traceparent` for the upstream."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}".encode()


def follow(traceparent: bytes, *, trace_bits: int, span_bits: int) -> Trace:
    """Continue a valid trace, or begin one where there is none (an invalid one is none, section 4.3).

    `trace_bits` are 128 random bits and `span_bits` 64, neither of them 0.
    """
    found = _TRACEPARENT(traceparent) if traceparent else None
    # Version 00 ends after the flags; a later one may go on (section 3.2.4).
    if found is None or (found[1] == b"00" and found[5] is not None):
        return Trace(
            trace_bits.to_bytes(16, "big").hex(), span_bits.to_bytes(8, "big").hex(), _SAMPLED, continued=False
        )
    return Trace(found[2].decode(), span_bits.to_bytes(8, "big").hex(), found[4].decode(), continued=True)


def request_id(claimed: bytes, *, trusted: bool, bits: int) -> str:
    """Give a request's id: a trusted proxy's, if it is well-formed, else one made of 128 random bits."""
    if trusted and claimed and _REQUEST_ID(claimed):
        return claimed.decode()
    return bits.to_bytes(16, "big").hex()
