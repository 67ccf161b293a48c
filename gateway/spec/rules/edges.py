"""Contradictions in CORS rules, and in who may call the control port."""

from gateway.spec.address import parse_address
from gateway.spec.edge import Cors
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.route import Route
from gateway.spec.rules import secret
from gateway.spec.rules.report import Report

ANY, NONE = "*", "null"
DEFAULT_PORTS = {"http": "80", "https": "443"}


def check(spec: Spec, report: Report) -> None:
    _control(spec, report)
    for name, route in spec.routes.items():
        if route.cors is not None:
            path: Path = ("routes", name)
            _origins(route.cors, (*path, "cors", "origins"), report)
            _with_credentials(route.cors, (*path, "cors"), report)
            _rules_of_its_own(route, (*path, "headers", "response"), report)


def _control(spec: Spec, report: Report) -> None:
    for name, token in spec.control.tokens.items():
        secret.check(token.token, ("control", "tokens", name, "token"), report)
    path: Path = ("listen", "control")
    if not report.sound(path) or spec.control.tokens:
        return
    if not parse_address(spec.listen.control).is_loopback:
        report.refuse(
            path,
            Fault.MISSING_KEY,
            f"`{spec.listen.control}` is reached from other machines, and `control.tokens` names nobody who may call it",
            hint="`control: {tokens: {prometheus: {token: {file: /run/secrets/prometheus}}}}`, or listen on 127.0.0.1",
            place=report.tree.value_place(path),
        )


def _origins(cors: Cors, path: Path, report: Report) -> None:
    for place, origin in enumerate(cors.origins):
        if origin == ANY and len(cors.origins) > 1:
            report.refuse((*path, place), Fault.CONFLICT, "`*` is every page: beside it no other is needed")
        scheme, port = origin.partition(":")[0], origin.rpartition(":")[2]
        if port == DEFAULT_PORTS.get(scheme):
            hint = f"`{origin.removesuffix(f':{port}')}`"
            report.refuse((*path, place), Fault.BAD_VALUE, f"no browser writes the port of `{origin}`", hint=hint)


def _with_credentials(cors: Cors, path: Path, report: Report) -> None:
    """With credentials `*` means nothing to a browser, and `null` would be every site (Fetch standard, section 3.2.5)."""
    if not cors.credentials:
        return
    for key in ("origins", "headers", "expose"):
        for place, value in enumerate(getattr(cors, key)):
            if value in {ANY, NONE} and (key == "origins" or value == ANY):
                message = f"`{value}` cannot be had with `credentials`: name what is meant"
                report.refuse((*path, key, place), Fault.CONFLICT, message)


def _rules_of_its_own(route: Route, path: Path, report: Report) -> None:
    rules = route.headers.response
    places: list[tuple[Path, str]] = [
        *(((*path, "remove", place), name) for place, name in enumerate(rules.remove)),
        *(((*path, key, name), name) for key in ("set", "add") for name in getattr(rules, key)),
    ]
    for place, name in places:
        if name.lower().startswith("access-control-"):
            report.refuse(place, Fault.CONFLICT, f"header `{name}` is written by the route's `cors`")
