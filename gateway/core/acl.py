"""Client addresses let in or kept out: the most specific network that holds an address decides, `deny` on a tie.

An address is looked up once for each length of prefix that the list has, however many networks those are.
"""

import ipaddress
from collections.abc import Iterator
from typing import Final

from gateway.core.address import read_address
from gateway.spec.edge import Addresses

_BITS: Final = {4: 32, 6: 128}
_MAPPED_BITS: Final = 96
"""Of ::ffff:0:0/96, whose addresses are IPv4 addresses (RFC 4291 section 2.5.5.2)."""


class AccessList:
    """One compiled list."""

    __slots__ = ("_otherwise", "_tables")

    def __init__(self, addresses: Addresses) -> None:
        self._otherwise = not addresses.allow
        allowed: dict[int, dict[int, dict[int, bool]]] = {4: {}, 6: {}}
        for networks, verdict in ((addresses.allow, True), (addresses.deny, False)):
            for network in networks:
                for version, spare_bits, prefix in _prefixes(network):
                    allowed[version].setdefault(spare_bits, {})[prefix] = verdict
        self._tables = {version: sorted(tables.items()) for version, tables in allowed.items()}
        """By version: for each number of bits a network leaves free, the least first, what is so of its prefixes."""

    def allows(self, client: str) -> bool:
        """Say whether a client is let in. One without an address (behind a UNIX socket) is in no network."""
        address = read_address(client)
        if address is not None:
            for spare_bits, prefixes in self._tables[address.version]:
                verdict = prefixes.get(address.number >> spare_bits)
                if verdict is not None:
                    return verdict
        return self._otherwise


def compile_list(addresses: Addresses) -> AccessList | None:
    """Compile what the spec says; None where it lets everybody in."""
    return AccessList(addresses) if addresses.allow or addresses.deny else None


def _prefixes(text: str) -> Iterator[tuple[int, int, int]]:
    """Give version, bits left free and prefix of a network; of a part of ::ffff:0:0/96, those of the IPv4 network."""
    network = ipaddress.ip_network(text)
    version, length, first = network.version, network.prefixlen, int(network.network_address)
    if version == 6 and length >= _MAPPED_BITS and first >> 32 == 0xFFFF:
        version, length, first = 4, length - _MAPPED_BITS, first & 0xFFFF_FFFF
    spare_bits = _BITS[version] - length
    yield version, spare_bits, first >> spare_bits
