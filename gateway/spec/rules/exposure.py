"""What is legal but dangerous in address lists and CORS rules: warnings, each with a stable id."""

from collections.abc import Iterator
from ipaddress import ip_network

from gateway.spec.address import parse_address
from gateway.spec.edge import Addresses, Cors
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.route import Route, When
from gateway.spec.rules.report import Report


def check(spec: Spec, report: Report) -> None:
    has_unix = any(parse_address(listener.address).family == "unix" for listener in spec.listen.public)
    for path, addresses in _lists(spec):
        _tie(addresses, path, report)
        if has_unix and addresses.allow:
            message = "who comes through a UNIX socket has no address, so this list refuses all of it"
            report.warn((*path, "allow"), Danger.ADDRESSES_UNIX, message)
    for name, route in spec.routes.items():
        if route.cors is not None:
            _pages(route, route.cors, ("routes", name, "cors"), report)


def _lists(spec: Spec) -> Iterator[tuple[Path, Addresses]]:
    yield ("addresses",), spec.addresses
    for name, route in spec.routes.items():
        yield ("routes", name, "addresses"), route.addresses


def _tie(addresses: Addresses, path: Path, report: Report) -> None:
    denied = {ip_network(network) for network in addresses.deny}
    for place, network in enumerate(addresses.allow):
        if ip_network(network) in denied:
            message = f"`{network}` is allowed and denied: it is denied"
            report.warn((*path, "allow", place), Danger.ADDRESSES_TIE, message)


def _pages(route: Route, cors: Cors, path: Path, report: Report) -> None:
    for place, origin in enumerate(cors.origins):
        if origin == "null":
            message = "any site can make a page whose origin is `null`: a sandboxed frame is enough"
            report.warn((*path, "origins", place), Danger.CORS_NULL, message)
    if all(_needs_more(match.when) for match in route.match):
        message = "a preflight carries no header and no cookie of its request, so it never finds this route"
        hint = "let the conditions choose in `split`"
        report.warn(path, Danger.CORS_CONDITIONAL, message, hint=hint)


def _needs_more(when: When) -> bool:
    return bool(when.header or when.cookie or when.media_type)
