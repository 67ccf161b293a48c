"""Headers that no rule may touch, because the gateway itself answers for them."""

from collections.abc import Iterable

from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.reserved import CLAIMS, HOP_BY_HOP, OWN, TRAPS
from gateway.spec.route import Headers
from gateway.spec.rules.report import Report

FOR_RESPONSES = {
    **dict.fromkeys(HOP_BY_HOP, "it belongs to one connection, and each side of the gateway has its own"),
    "content-length": "it says how long the body is, which only the gateway knows",
    **dict.fromkeys(("x-request-id", "casino-failure"), "the gateway writes it"),
}
FOR_REQUESTS = {
    **FOR_RESPONSES,
    **dict.fromkeys(CLAIMS, "only `listen.trusted` proxies and the gateway say where requests come from"),
    **dict.fromkeys(OWN, "the gateway writes it"),
    **dict.fromkeys(TRAPS, "no service is ever sent it (httpoxy)"),
    "expect": "the gateway answers it",
    "host": "`rewrite: {host: ...}` changes it",
}
FOR_CONDITIONS = {**FOR_REQUESTS, "host": "`hosts` of the match choose by it"}


def check_conditions(names: Iterable[str], path: Path, report: Report) -> None:
    """Check the names of headers that conditions ask for: those the gateway acts on are not among what they see."""
    for name in names:
        _refuse_reserved(name, (*path, name), report, FOR_CONDITIONS, what="is not seen by conditions")
    twice(names, path, report)


def check_rules(headers: Headers, path: Path, report: Report) -> None:
    """Check a route's changes to the request and to the response."""
    for side, reserved in (("request", FOR_REQUESTS), ("response", FOR_RESPONSES)):
        rules = getattr(headers, side)
        for key in ("set", "add"):
            check_names(getattr(rules, key), (*path, side, key), report, reserved)
        for place, name in enumerate(rules.remove):
            _refuse_reserved(name, (*path, side, "remove", place), report, reserved)


def check_names(names: Iterable[str], path: Path, report: Report, reserved: dict[str, str] = FOR_RESPONSES) -> None:
    """Check the names of headers that are to be sent."""
    for name in names:
        _refuse_reserved(name, (*path, name), report, reserved)
    twice(names, path, report)


def twice(names: Iterable[str], path: Path, report: Report) -> None:
    """Refuse a header that is named twice, in whatever case."""
    first: dict[str, str] = {}
    for name in names:
        if first.setdefault(name.lower(), name) != name:
            report.refuse((*path, name), Fault.CONFLICT, f"header `{name}` is given twice: case makes no difference")


def _refuse_reserved(
    name: str, path: Path, report: Report, reserved: dict[str, str], *, what: str = "is not changed by rules"
) -> None:
    reason = reserved.get(name.lower())
    if reason:
        report.refuse(path, Fault.BAD_VALUE, f"header `{name}` {what}", hint=reason)
