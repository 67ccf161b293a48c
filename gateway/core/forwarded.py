"""Where a request came from: whom to believe about it, and what the upstream is told.

From a peer that is not trusted every claim is dropped and replaced by what the connection itself shows. A trusted peer's
claims are read from the right, the end that the nearest proxy wrote, as far as addresses are trusted.
"""

import functools
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from gateway.core.address import UNKNOWN, Address, Trust, read_address
from gateway.core.failure import Refused
from gateway.core.host import parse
from gateway.core.request import Header
from gateway.spec.reserved import FORWARDING

_MOST_HOPS: Final = 32
"""Proxies a request may claim to have crossed; what is left of them is not read."""
_MOST_CHARACTERS: Final = 4096
"""A longer Forwarded is not read: its quotes can only be told apart from the left, where the client writes."""
_LONGEST_NODE: Final = 64
_SCHEMES: Final = frozenset(("http", "https", "ws", "wss"))
_NODE: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?").fullmatch
_PARAMETER: Final = re.compile(r'[ \t]*+([a-z]++)=("(?:[^"\\]|\\.)*+"|[^",; \t]++)[ \t]*+(;|,|\Z)', re.IGNORECASE).match
_READ: Final = frozenset(name.encode() for name in FORWARDING)
_X_FORWARDED: Final = _READ - {b"forwarded"}


class Origin(Struct, frozen=True):
    """Where a request came from, as far as it is believed."""

    client: str
    """The client's address; empty if it came through a UNIX socket."""
    scheme: str
    lines: bytes
    """The header lines that tell the upstream, each with its CRLF."""


class _Claim(Struct, frozen=True):
    """What proxies said: addresses from the client's end to ours, and what the client had asked for."""

    addresses: tuple[Address, ...] = ()
    scheme: str | None = None
    host: str | None = None
    port: str | None = None


class Hop:
    """One client connection: who is at its other end, and how its requests are introduced to upstreams."""

    __slots__ = ("_address", "_direct", "_direct_host", "_port", "_scheme", "_trust", "peer", "trusted")

    def __init__(self, peer: str, *, scheme: str, port: int, trust: Trust) -> None:
        """Look at a connection: its peer's address (empty for a UNIX socket) and the scheme and port it came to."""
        self._address = read_address(peer) or UNKNOWN
        self._scheme = scheme
        self._port = str(port or (443 if scheme == "https" else 80))
        self._trust = trust
        self.peer = "" if self._address is UNKNOWN else self._address.text
        """The peer's address, IPv4 where it is mapped into IPv6."""
        self.trusted = trust.covers(self._address)
        self._direct_host: bytes | None = None
        self._direct: Origin

    def unbelieved(self) -> "Hop":
        """Give the same connection for a client whose address its proxy does not tell: what that one claims, nobody vouches for."""
        return Hop(self.peer, scheme=self._scheme, port=int(self._port), trust=Trust(()))

    def origin(self, host: bytes, claims: Sequence[Header]) -> Origin:
        """Introduce a request by its valid Host (empty where HTTP/1.0 sent none) and the forwarding headers it came with."""
        if self.trusted and claims:
            return self._believe(host.decode(), claims)
        if host != self._direct_host:
            self._direct = self._introduce(host.decode(), _Claim())
            self._direct_host = host
        return self._direct

    def _believe(self, host: str, claims: Sequence[Header]) -> Origin:
        origin = self._introduce(host, _read(claims, self._trust))
        passed = [b"%b: %b\r\n" % claim for claim in claims if claim[0] not in _READ]
        return Origin(origin.client, origin.scheme, b"".join([origin.lines, *passed])) if passed else origin

    def _introduce(self, host: str, claim: _Claim) -> Origin:
        client = _client(self._address, claim.addresses, self._trust)
        scheme, asked = claim.scheme or self._scheme, claim.host or host
        first, *others = chain = [*claim.addresses, self._address]
        host_line, host_pair = (f"x-forwarded-host: {asked}\r\n", f';host="{asked}"') if asked else ("", "")
        lines = (
            f"x-forwarded-for: {', '.join([address.text for address in chain])}\r\n"
            f"x-forwarded-proto: {scheme}\r\n"
            f"{host_line}"
            f"x-forwarded-port: {claim.port or self._port}\r\n"
            f"forwarded: for={first.node}{host_pair};proto={scheme}"
            f"{''.join([f', for={address.node}' for address in others])}\r\n"
        )
        return Origin("" if client is UNKNOWN else client.text, scheme, lines.encode())


def _client(peer: Address, addresses: Sequence[Address], trust: Trust) -> Address:
    """Walk from the peer away from us, until someone is not trusted: the client, as well as it can be known."""
    client = peer
    for address in reversed(addresses):
        if not trust.covers(client):
            break
        client = address
    return client


def _read(claims: Sequence[Header], trust: Trust) -> _Claim:
    """Read X-Forwarded-* or, where there is none, Forwarded: a proxy that writes one may pass a client's other on."""
    values: dict[bytes, str] = {}
    for name, value in claims:
        text = value.decode("latin-1")
        values[name] = f"{values[name]},{text}" if name in values else text
    if not values.keys().isdisjoint(_X_FORWARDED):
        return _read_x_forwarded(values)
    return _read_forwarded(values.get(b"forwarded", ""), trust)


def _read_x_forwarded(values: dict[bytes, str]) -> _Claim:
    chain = values.get(b"x-forwarded-for")
    return _Claim(
        () if chain is None else _readable(chain.rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]),
        _scheme(_last(values.get(b"x-forwarded-proto"))),
        _host(_last(values.get(b"x-forwarded-host"))),
        _port(_last(values.get(b"x-forwarded-port"))),
    )


def _last(values: str | None) -> str:
    return values.rpartition(",")[2].strip() if values else ""


def _read_forwarded(value: str, trust: Trust) -> _Claim:
    elements = _elements(value)[-_MOST_HOPS:]
    addresses = _readable([element.get("for", "") for element in elements])
    # Scheme and host are those the believed client's own request had: its element stands where trust ends.
    depth = next((depth for depth, address in enumerate(reversed(addresses), 1) if not trust.covers(address)), None)
    element = elements[-(depth or len(addresses))] if addresses else {}
    return _Claim(addresses, _scheme(element.get("proto", "")), _host(element.get("host", "")))


def _elements(value: str) -> list[dict[str, str]]:
    """Split Forwarded into elements; one that cannot be read makes all of it worth nothing (RFC 7239 section 4)."""
    if len(value) > _MOST_CHARACTERS:
        return []
    elements: list[dict[str, str]] = [{}]
    at = 0
    while found := _PARAMETER(value, at):
        elements[-1][found[1].lower()] = found[2].strip('"')
        if found[3] == ",":
            elements.append({})
        elif not found[3]:
            return elements
        at = found.end()
    return []


def _readable(nodes: Sequence[str]) -> tuple[Address, ...]:
    """Read addresses from the right up to the first that is none (`unknown`, a name, rubbish): beyond it, all is hearsay."""
    addresses: list[Address] = []
    for node in reversed(nodes):
        text = node.strip()
        address = (
            _read_node(text) if len(text) <= _LONGEST_NODE else None
        )  # asked before: the cache keeps what it is asked
        if address is None:
            break
        addresses.append(address)
    return tuple(reversed(addresses))


@functools.lru_cache(maxsize=1024)
def _read_node(text: str) -> Address | None:
    """Read an address that may be in brackets and may have a port."""
    found = _NODE(text)
    return read_address(found[1] or found[2] if found else text)


def _scheme(text: str) -> str | None:
    scheme = text.lower()
    return scheme if scheme in _SCHEMES else None


def _host(text: str) -> str | None:
    if not text:
        return None
    try:
        parse(text)
    except Refused:
        return None
    return text


def _port(text: str) -> str | None:
    return text if len(text) < 6 and text.isascii() and text.isdigit() and 0 < int(text) < 65_536 else None
