"""The PROXY protocol, versions 1 and 2: who the client behind a load balancer is (haproxy.org, proxy-protocol.txt)."""

import ipaddress
import struct
from typing import Final

from msgspec import Struct

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_BYTES: Final = 107
"""The longest version 1 line, by the specification."""
MOST_BYTES: Final = 1024
"""The longest header accepted: addresses and a few extensions (TLVs)."""
_FAMILIES: Final = {0x11: (4, 12), 0x21: (16, 36)}
"""TCP over IPv4 and IPv6: bytes of one address, bytes of the whole address block."""


class Preface(Struct, frozen=True):
    """A header, read."""

    consumed: int
    """Its bytes; what follows is the client's."""
    source: str
    """The client's address; empty where the proxy does not say."""
    is_own: bool = False
    """The proxy speaks for itself (LOCAL), as for its health checks."""


class Malformed(Struct, frozen=True):
    """Not a PROXY header."""


def read_preface(data: bytes) -> Preface | Malformed | None:
    """Read a header from the first bytes of a connection; None while more bytes are needed."""
    if data.startswith(_SIGNATURE[: len(data)]):
        return _read_v2(data)
    if data.startswith(b"PROXY "[: len(data)]):
        return _read_v1(data)
    return Malformed()


def _read_v1(data: bytes) -> Preface | Malformed | None:
    end = data.find(b"\r\n", 0, _V1_BYTES)
    if end < 0:
        return None if len(data) < _V1_BYTES else Malformed()
    words = data[:end].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return Preface(end + 2, "")
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6") or not all(map(_is_port, words[4:])):
        return Malformed()
    try:
        source, destination = (ipaddress.ip_address(word.decode()) for word in words[2:4])
    except ValueError:
        return Malformed()
    version = 4 if words[1] == b"TCP4" else 6
    if source.version != version or destination.version != version:
        return Malformed()
    return Preface(end + 2, str(source))


def _is_port(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 5 and int(word) < 65_536


def _read_v2(data: bytes) -> Preface | Malformed | None:
    if len(data) < 16:
        return None
    command, family, length = struct.unpack_from("!BBH", data, 12)
    if command not in (0x20, 0x21) or 16 + length > MOST_BYTES:
        return Malformed()
    if len(data) < 16 + length:
        return None
    if command == 0x20 or family not in _FAMILIES:
        return Preface(16 + length, "", is_own=command == 0x20)
    address_bytes, block_bytes = _FAMILIES[family]
    if length < block_bytes:
        return Malformed()
    return Preface(16 + length, str(ipaddress.ip_address(data[16 : 16 + address_bytes])))
