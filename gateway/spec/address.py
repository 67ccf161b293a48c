"""The meaning of listener addresses and target URLs; everybody who binds or dials asks here. Never resolves a name."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from msgspec import Struct

UNIX = "unix:"
AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([^:]*))?")
PORT = re.compile("[0-9]{1,5}")
NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?"
)
MOST_UNIX_PATH = 107
"""What `sockaddr_un` holds on Linux, unix(7)."""
PORTS = {"http": 80, "https": 443}


class SocketAddress(Struct, frozen=True):
    """Where to bind: an IP address and port, or the path of a UNIX socket (then `port` is 0)."""

    family: Literal["ipv4", "ipv6", "unix"]
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can reach it."""
        return self.family == "unix" or is_loopback(self.host)


class TargetAddress(Struct, frozen=True):
    """Where to send: `host` is a name, an IP address without brackets, or a UNIX socket's path; `port` is 0 for
    `srv` (the records say it) and UNIX sockets.
    """

    scheme: Literal["http", "https", "srv", "srvs", "unix"]
    host: str
    port: int

    @property
    def is_tls(self) -> bool:
        return self.scheme in {"https", "srvs"}

    @property
    def is_literal(self) -> bool:
        """True when there is nothing to resolve."""
        return self.scheme == "unix" or _ip(self.host) is not None

    @property
    def authority(self) -> str:
        """The Host header that names this target; a default port is left out."""
        if self.scheme == "unix":
            return "localhost"
        return host_port(self.host, 0 if self.port == PORTS.get(self.scheme) else self.port)


def is_loopback(host: str) -> bool:
    """Say whether a name, or an IP address without brackets, is this machine whatever network it is on (RFC 6761)."""
    ip = _ip(host)
    return host == "localhost" if ip is None else ip.is_loopback


def host_port(host: str, port: int) -> str:
    """Write a host and its port as URLs do; without a port where that is 0."""
    written = f"[{host}]" if ":" in host else host
    return f"{written}:{port}" if port else written


def parse_address(text: str) -> SocketAddress:
    """Read `127.0.0.1:8080`, `[::]:8080` or `unix:/path`.

    Raises:
        ValueError: the text is none of these; the message is a hint.
    """
    if text.startswith(UNIX):
        return SocketAddress("unix", _unix_path(text), 0)
    if text.isascii() and text.isdigit():
        raise ValueError(f"did you mean `127.0.0.1:{text}`?")
    host, written_port = _split(text)
    port = _port(written_port)
    if host in {"", "*"}:
        raise ValueError("" if port is None else f"every address is `0.0.0.0:{port}` and `[::]:{port}`")
    ip = _ip(host)
    if port is None:
        raise ValueError("with a port from 0 to 65535")
    if ip is None:
        raise ValueError(f"did you mean `127.0.0.1:{port}`?" if host == "localhost" else "an IP address, not a name")
    return SocketAddress("ipv6" if ip.version == 6 else "ipv4", ip.compressed, port)


def parse_target(text: str) -> TargetAddress:
    """Read a target's URL.

    Raises:
        ValueError: the text is no such URL; the message is a hint.
    """
    if text.startswith(UNIX):
        return TargetAddress("unix", _unix_path(text), 0)
    scheme, separator, authority = text.partition("://")
    if not separator or scheme not in {"http", "https", "srv", "srvs"}:
        raise ValueError(f"did you mean `http://{text}`?" if re.fullmatch(r"[\w.\[\]:-]+", text) else "")
    if extra := re.search(r"[/?#]", authority):
        raise ValueError(
            f"without a path: `{scheme}://{authority[: extra.start()]}`; a path belongs in the route's `rewrite`"
        )
    if "@" in authority:
        raise ValueError("without credentials")
    host, written_port = _split(authority)
    if _ip(host) is None and not NAME.fullmatch(host):
        raise ValueError("the host is neither a name nor an IP address")
    return TargetAddress(scheme, host, _target_port(scheme, written_port))  # type: ignore[arg-type]  # checked above


def _target_port(scheme: str, written: str | None) -> int:
    if scheme in {"srv", "srvs"}:
        if written is not None:
            raise ValueError("without a port: the SRV records say it")
        return 0
    if written is None:
        return PORTS[scheme]
    port = _port(written)
    if not port:
        raise ValueError("with a port from 1 to 65535")
    return port


def _split(authority: str) -> tuple[str, str | None]:
    """Split host, without brackets, and port as written, if there is one."""
    found = AUTHORITY.fullmatch(authority)
    if found is None:
        raise ValueError("an IPv6 address stands in brackets: `[::1]:80`" if authority.count(":") > 1 else "")
    host = found[1]
    if not host.startswith("["):
        return host, found[2]
    ip = _ip(host[1:-1])
    if ip is None or ip.version != 6:
        raise ValueError("in brackets stands an IPv6 address")
    return host[1:-1], found[2]


def _port(written: str | None) -> int | None:
    valid = written is not None and PORT.fullmatch(written) and int(written) <= 65535
    return int(written) if valid and written else None


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _unix_path(text: str) -> str:
    path = text.removeprefix(UNIX)
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError("an absolute path of a socket: `unix:/run/casino.sock`")
    if len(path.encode()) > MOST_UNIX_PATH:
        raise ValueError(f"the path of a UNIX socket holds at most {MOST_UNIX_PATH} bytes")
    return path
