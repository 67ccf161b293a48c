"""Client addresses: one spelling for each, what counts as one client, and which proxies are believed."""

import functools
import ipaddress
from collections.abc import Iterable

from msgspec import Struct


class Address(Struct, frozen=True):
    """An IP address, read."""

    text: str
    """Its one spelling (RFC 5952)."""
    node: str
    """As RFC 7239 section 6 wants it in Forwarded."""
    version: int
    number: int


UNKNOWN = Address("unknown", "unknown", 0, -1)
"""Whoever is at the other end of a UNIX socket; in no network."""


@functools.lru_cache(maxsize=4096)
def read_address(text: str) -> Address | None:
    """Read an IP address; an IPv4 address mapped into IPv6 is that IPv4 address, a zone (`%eth0`) is left out."""
    if len(text) > 64:
        return None
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if address.version == 6:
        address = address.ipv4_mapped or address
    spelling = str(address)
    return Address(spelling, f'"[{spelling}]"' if address.version == 6 else spelling, address.version, int(address))


def address_key(text: str) -> str:
    """Give the name under which an address is limited: IPv6 by /64, which is one subscriber (RFC 6177), else itself."""
    address = read_address(text)
    if address is None or address.version == 4:
        return text if address is None else address.text
    return f"{ipaddress.IPv6Address(address.number >> 64 << 64)}/64"


class Trust:
    """The networks whose word is taken for where a request came from."""

    __slots__ = ("_ranges",)

    def __init__(self, networks: Iterable[str]) -> None:
        self._ranges = [_range(ipaddress.ip_network(network)) for network in networks]

    def covers(self, address: Address) -> bool:
        return any(
            first <= address.number <= last and version == address.version for version, first, last in self._ranges
        )


def _range(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[int, int, int]:
    """Give a network's version, first and last address; a part of ::ffff:0:0/96 is the IPv4 network mapped there."""
    first, last = network[0], network[-1]
    if first.version == 6 and last.version == 6 and first.ipv4_mapped and last.ipv4_mapped:
        first, last = first.ipv4_mapped, last.ipv4_mapped
    return first.version, int(first), int(last)
