"""Where the local stack listens: the spec's own ports, or free ones where those are taken.

Listening sockets of games are bound here and handed down, so that nobody can take a port in between.
"""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

from msgspec import Struct
from msgspec.structs import replace

from casino.claims import Claims
from casino.games.roster import GAMES
from gateway.spec.address import TargetAddress, host_port, is_loopback, parse_address, parse_target
from gateway.spec.listen import Listener
from gateway.spec.model import Spec
from gateway.spec.upstream import Upstream, Version

LOWEST_PORT, TRIES = 10_000, 100
KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")

Moved = dict[str, str | None]
"""From each address of the spec that is not used to the one instead; None: this machine has no such address (IPv6)."""


class Seat(Struct, frozen=True, kw_only=True):
    """One target of the spec that is a game of ours, and the socket it will serve."""

    game: str
    version: str
    url: str
    listener: socket.socket


class Layout(Struct, frozen=True, kw_only=True):
    """The spec with the ports that are really used, and the sockets of its games."""

    spec: Spec
    seats: tuple[Seat, ...]
    moved: Moved


class PortlessError(Exception):
    """The gateway would listen where a browser cannot look."""


class SeatError(Exception):
    """A game would listen where this machine has no address."""


def arrange(spec: Spec, claims: Claims, *, free_ports: bool, seats: bool = True) -> Layout:
    """Find a port for everything; `free_ports` takes none of the spec's, though they may be free.

    Without `seats` the games are left to whoever runs them.

    Raises:
        PortlessError: no public address that this machine has, or not the control's, has a port.
        SeatError: this machine has not the address of a game.
    """
    moved: Moved = {}
    taken = tuple(_seats(spec, moved, free_ports=free_ports)) if seats else ()
    for address in (*(listener.address for listener in spec.listen.public), spec.listen.control):
        _settle(address, moved, claims, free_ports=free_ports)
    spec = _with_addresses(spec, moved)
    if not has_port(spec.listen.control) or not any(map(_speaks_http, spec.listen.public)):
        raise PortlessError(
            "casino up needs a public address without TLS and a control address, with ports on this machine"
        )
    return Layout(spec=spec, seats=taken, moved=moved)


def _speaks_http(listener: Listener) -> bool:
    return has_port(listener.address) and listener.tls is None


def has_port(address: str) -> bool:
    return parse_address(address).family != "unix"


def _seats(spec: Spec, moved: Moved, *, free_ports: bool) -> Iterator[Seat]:
    for name, upstream in spec.upstreams.items():
        for label, version in upstream.versions.items():
            for target in version.targets:
                where = parse_target(target.url)
                if (name, label) in GAMES and where.scheme == "http" and is_loopback(where.host):
                    listener = _seat(target.url, where, free_ports=free_ports)
                    url = f"http://{host_port(where.host, listener.getsockname()[1])}"
                    if url != target.url:
                        moved[target.url] = url
                    yield Seat(game=name, version=label, url=url, listener=listener)


def _seat(url: str, where: TargetAddress, *, free_ports: bool) -> socket.socket:
    try:
        return bind(where.host, 0 if free_ports else where.port)
    except OSError as refused:
        raise SeatError(f"no game can be at {url} on this machine: {refused.strerror or refused}") from None


def _settle(address: str, moved: Moved, claims: Claims, *, free_ports: bool) -> None:
    if not has_port(address):
        return
    where = parse_address(address)
    try:
        port = unclaimed(where.host, 0 if free_ports else where.port, claims)
    except OSError:
        moved[address] = None
    else:
        if port != where.port:
            moved[address] = host_port(where.host, port)


def bind(host: str, port: int) -> socket.socket:
    """Listen on a port, or on any free one if it is taken. Raises OSError where the machine lacks the address."""
    try:
        return _listen(host, port)
    except OSError:
        return _listen(host, 0)


def unclaimed(host: str, wanted: int, claims: Claims) -> int:
    """Return a port for a server that cannot be handed a socket: the wanted one (0: any) if nobody has it or will have it.

    Any other is one that the kernel gives to no caller, who could take it before the server does. Raises OSError where
    the machine lacks the address.
    """
    below = int(KERNELS.read_text().split()[0])
    chance = SystemRandom()
    ports = [
        wanted or chance.randrange(LOWEST_PORT, below),
        *(chance.randrange(LOWEST_PORT, below) for _ in range(TRIES)),
    ]
    for port in ports:
        try:
            _listen(host, port).close()
        except OSError as refused:
            if port != wanted and refused.errno != errno.EADDRINUSE:
                raise
        else:
            if claims.take(port):
                return port
    raise OSError(errno.EADDRINUSE, "no port is free")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _with_addresses(spec: Spec, moved: Moved) -> Spec:
    public = tuple(
        replace(listener, address=address)
        for listener in spec.listen.public
        if (address := moved.get(listener.address, listener.address))
    )
    control = moved.get(spec.listen.control, spec.listen.control) or spec.listen.control
    upstreams = {name: _with_targets(upstream, moved) for name, upstream in spec.upstreams.items()}
    return replace(spec, listen=replace(spec.listen, public=public, control=control), upstreams=upstreams)


def _with_targets(upstream: Upstream, moved: Moved) -> Upstream:
    def version(old: Version) -> Version:
        return replace(old, targets=tuple(replace(each, url=moved.get(each.url) or each.url) for each in old.targets))

    return replace(upstream, versions={name: version(old) for name, old in upstream.versions.items()})
