"""Headers that no rule may touch, because the gateway itself answers for them."""

from collections.abc import Iterable

from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.route import Headers
from gateway.spec.rules.report import Report

CONNECTION = (
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
)  # fmt: skip
"""Of one connection only (RFC 9110 section 7.6.1); each side of the gateway has its own."""

FOR_RESPONSES = {
    **dict.fromkeys(CONNECTION, "it belongs to one connection, and each side of the gateway has its own"),
    "content-length": "it says how long the body is, which only the gateway knows",
}
FOR_REQUESTS = {**FOR_RESPONSES, "host": "`rewrite: {host: ...}` changes it"}


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


def _refuse_reserved(name: str, path: Path, report: Report, reserved: dict[str, str]) -> None:
    reason = reserved.get(name.lower())
    if reason:
        report.refuse(path, Fault.BAD_VALUE, f"header `{name}` is not changed by rules", hint=reason)
