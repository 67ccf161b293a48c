"""Opens what the gateway listens on: bound here, inherited from systemd, or handed over by the build before.

All workers share each socket and its one accept queue: a connection not yet accepted belongs to nobody, so that no
killed worker takes any with it.
"""

import errno
import os
import socket
import stat
import time
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from gateway.serve.events import Event, emit
from gateway.spec.address import SocketAddress, host_port, parse_address
from gateway.spec.listen import Listen, Listener

PUBLIC_MODE = 0o666
"""Of a UNIX socket: as nginx and HAProxy leave it, the directory decides who may connect."""
CONTROL_MODE = 0o600

FIRST_INHERITED = 3  # SD_LISTEN_FDS_START
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6, "unix": socket.AF_UNIX}
_RETRY_SECONDS = 0.05
_FREED_SECONDS = 1.0
"""How long an address in use is tried: the processes of a killed gateway need a moment to end."""


class ListenError(Exception):
    """An address cannot be listened on; the message says which and why."""


class Offer(msgspec.Struct, frozen=True):
    """A listening socket that is already open: by the address the spec called it, or by where it is bound."""

    address: str
    socket: socket.socket


class Sockets(NamedTuple):
    """Everything the gateway listens on."""

    public: tuple[tuple[Listener, socket.socket], ...]
    control: tuple[str, socket.socket]

    def named(self) -> list[tuple[str, socket.socket]]:
        """Name each socket as the spec does, control last: it may say `127.0.0.1:0` like a public one, and mean another."""
        return [*((listener.address, opened) for listener, opened in self.public), self.control]


def open_all(wanted: Listen, offers: list[Offer]) -> Sockets:
    """Open every socket of the spec, from `offers` where it is among them; what nobody wants is closed.

    Raises:
        ListenError: one cannot be bound.
    """
    used: set[int] = set()

    def opened(address: str, mode: int) -> socket.socket:
        left = [offer for offer in offers if offer.socket.fileno() not in used]
        found = listen(address, backlog=wanted.backlog, mode=mode, offers=left, wait_seconds=_FREED_SECONDS)
        used.add(found.fileno())
        return found

    sockets = Sockets(
        tuple((listener, opened(listener.address, PUBLIC_MODE)) for listener in wanted.public),
        (wanted.control, opened(wanted.control, CONTROL_MODE)),
    )
    for offer in offers:
        if offer.socket.fileno() not in used:
            emit(Event.LISTENER_UNUSED, "warning", {"casino.addresses": [bound_to(offer.socket)]})
            offer.socket.close()
    return sockets


def listen(address: str, *, backlog: int, mode: int, offers: Iterable[Offer], wait_seconds: float = 0) -> socket.socket:
    """Return the socket for an address of the spec, taken from `offers` or bound.

    An address in use is tried for `wait_seconds`.

    Raises:
        ListenError: it cannot be bound.
    """
    wanted = parse_address(address)
    listener = next((offer.socket for offer in offers if _is_for(offer, address, wanted)), None)
    deadline = time.monotonic() + wait_seconds
    while listener is None:
        try:
            listener = _bind(wanted, mode)
        except OSError as refused:
            if refused.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise ListenError(f"cannot listen on {address}: {refused.strerror}") from refused
            time.sleep(_RETRY_SECONDS)
    listener.setblocking(False)
    listener.listen(backlog)
    return listener


def inherited(environ: MutableMapping[str, str]) -> list[Offer]:
    """Take the sockets of systemd, sd_listen_fds(3), and take their variables out of `environ`.

    A name may be an address of the spec; since names end at a colon, its colons are written `%3A`.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    offers = []
    for number in range(int(count)):
        descriptor = FIRST_INHERITED + number
        os.set_inheritable(descriptor, False)
        name = unquote(names[number]) if number < len(names) else ""
        offers.append(Offer(name, socket.socket(fileno=descriptor)))
    return offers


def bound_to(listener: socket.socket) -> str:
    """Say where a socket listens, as a spec would write it."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    return host_port(name[0], name[1])


def unlink(listener: socket.socket) -> None:
    """Remove the file of a UNIX socket nobody will listen on any more."""
    if listener.family == socket.AF_UNIX:
        Path(listener.getsockname()).unlink(missing_ok=True)


def _is_for(offer: Offer, address: str, wanted: SocketAddress) -> bool:
    if offer.address == address:
        return True
    bound = offer.socket.getsockname()
    if offer.socket.family != _FAMILIES[wanted.family]:
        return False
    return bound == wanted.host if wanted.family == "unix" else tuple(bound[:2]) == (wanted.host, wanted.port)


def _bind(wanted: SocketAddress, mode: int) -> socket.socket:
    listener = socket.socket(_FAMILIES[wanted.family], socket.SOCK_STREAM)
    try:
        if wanted.family == "unix":
            _bind_path(listener, Path(wanted.host), mode)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if wanted.family == "ipv6":
                # `[::]` is IPv6 alone whatever the machine's default, so that `0.0.0.0` can stand beside it
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((wanted.host, wanted.port))
    except OSError:
        listener.close()
        raise
    return listener


def _bind_path(listener: socket.socket, path: Path, mode: int) -> None:
    if _is_stale(path):
        path.unlink(missing_ok=True)
    before = os.umask(0o777 & ~mode)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)


def _is_stale(path: Path) -> bool:
    """A socket file nobody listens on any more; anything else at this path is not ours to remove."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.settimeout(1)
            caller.connect(str(path))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
