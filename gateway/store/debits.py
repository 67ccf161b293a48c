"""Debits: what a worker tells control it has admitted, of those limits that are kept beyond this gateway.

They go up through a ring of their own in the worker's slot (`Slot.debits`), one line each, and control adds them up.
"""

import msgspec


class Debit(msgspec.Struct, frozen=True, array_like=True):
    """Requests one worker admitted for one key of one limit since it last told."""

    limit: str
    """The limit's identity (gateway.core.limit)."""
    key: str
    """Whom they are counted for; empty for all callers together."""
    fingerprint: int
    """Of the bucket, in this build's table."""
    count: int


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Debit)


def write_debit(debit: Debit) -> bytes:
    """Give the line for a debit; JSON escapes line ends in the key, so that its only newline is its last byte."""
    return _encode(debit) + b"\n"


def read_debits(lines: bytes) -> list[Debit]:
    """Read whole lines, as `Ring.peek` gives them."""
    return _decoder.decode_lines(lines)
