"""Targets that are the gateway itself: requests would go round, or reach the control port as if from this machine."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.spec.address import SocketAddress, TargetAddress, parse_address, parse_target
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.rules.report import Report

_LOCAL_NAME: dict[str, IPv4Address | IPv6Address] = {"ipv4": IPv4Address("127.0.0.1"), "ipv6": IPv6Address("::1")}
"""What `localhost` is, RFC 6761 section 6.3."""


def check(spec: Spec, report: Report) -> None:
    public = [parse_address(listener.address) for listener in spec.listen.public]
    control = parse_address(spec.listen.control)
    for path, url in _targets(spec):
        target = parse_target(url)
        if _reaches(target, control):
            message = f"`{url}` is the control port: clients would reach it as if they called from this machine"
            report.warn(path, Danger.LOOP_CONTROL, message)
        elif any(_reaches(target, address) for address in public):
            message = f"`{url}` is a listener of this gateway: a request goes round until something runs out"
            report.warn(path, Danger.LOOP, message)


def _targets(spec: Spec) -> Iterator[tuple[Path, str]]:
    for name, upstream in spec.upstreams.items():
        for label, version in upstream.versions.items():
            for place, target in enumerate(version.targets):
                yield ("upstreams", name, "versions", label, "targets", place), target.url


def _reaches(target: TargetAddress, listener: SocketAddress) -> bool:
    """Whether a connection to the target surely ends at the listener; names of other hosts are not resolved."""
    if "unix" in {target.scheme, listener.family}:
        return target.scheme == listener.family and target.host == listener.host
    if not target.port or target.port != listener.port:
        return False
    host = _host(target.host, listener)
    if host is None or host.version != (4 if listener.family == "ipv4" else 6):
        return False
    bound = ip_address(listener.host)
    return host == bound or (bound.is_unspecified and host.is_loopback)


def _host(host: str, listener: SocketAddress) -> IPv4Address | IPv6Address | None:
    """Return the address that is dialled; an unspecified one is this machine, ip(7)."""
    if host.removesuffix(".").lower() == "localhost":
        return _LOCAL_NAME[listener.family]
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return _LOCAL_NAME[f"ipv{ip.version}"] if ip.is_unspecified else ip
