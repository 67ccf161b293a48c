"""Headers that tell services who calls: the gateway alone writes them, so no rule may, and no other header is one of them."""

from collections.abc import Iterator

from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.reserved import WELL_KNOWN, folded
from gateway.spec.route import Route
from gateway.spec.rules.headers import FOR_REQUESTS, twice
from gateway.spec.rules.report import Report
from gateway.spec.told import told

TAKEN = {**FOR_REQUESTS, **dict.fromkeys(WELL_KNOWN, "services and clients mean something else by it")}


def check(spec: Spec, report: Report) -> None:
    names = dict(_gateway_wide(spec))
    _distinct(names, report)
    for route_name, route in spec.routes.items():
        if route.identity is not None:
            path: Path = ("routes", route_name, "identity", "headers")
            twice(route.identity.headers, path, report)
            for name in route.identity.headers:
                _own(name, (*path, name), report)
                if folded(name) in set(map(folded, names.values())):
                    message = f"header `{name}` already has a meaning in `identity`"
                    report.refuse((*path, name), Fault.CONFLICT, message)
    _rules(spec, report)


def _gateway_wide(spec: Spec) -> Iterator[tuple[Path, str]]:
    for key in ("key_header", "consumer_header", "subject_header"):
        yield ("identity", key), getattr(spec.identity, key)


def _own(name: str, path: Path, report: Report) -> None:
    reason = TAKEN.get(folded(name))
    if reason is not None:
        report.refuse(path, Fault.BAD_VALUE, f"header `{name}` is not free for this", hint=reason)


def _distinct(names: dict[Path, str], report: Report) -> None:
    first: dict[str, Path] = {}
    for path, name in names.items():
        _own(name, path, report)
        known = first.setdefault(folded(name), path)
        if known != path:
            report.refuse(path, Fault.CONFLICT, f"header `{name}` is what `{known[-1]}` is, too")


def _rules(spec: Spec, report: Report) -> None:
    names = told(spec)
    for route_name, route in spec.routes.items():
        for path, name in _mentioned(route, ("routes", route_name)):
            if folded(name) in names:
                message = f"header `{name}` tells services who calls: the gateway alone writes it"
                hint = "a client's own is always removed; `identity` chooses the name"
                report.refuse(path, Fault.BAD_VALUE, message, hint=hint)


def _mentioned(route: Route, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the request headers that a route's rules change or its conditions ask for."""
    rules = route.headers.request
    for key, names in (("remove", rules.remove), ("set", rules.set), ("add", rules.add)):
        for place, name in enumerate(names):
            yield (*path, "headers", "request", key, place if key == "remove" else name), name
    for place, match in enumerate(route.match):
        for name in match.when.header:
            yield (*path, "match", place, "when", "header", name), name
    for place, arm in enumerate(route.split):
        for name in arm.when.header if arm.when is not None else ():
            yield (*path, "split", place, "when", "header", name), name
