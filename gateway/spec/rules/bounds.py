"""What is legal but dangerous in bounds: what ordinary clients do not fit into, and what never applies."""

from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.route import Route
from gateway.spec.rules.report import Report
from gateway.spec.scalars import write
from gateway.spec.units import Kind

BROWSER_HEAD_BYTES = 1_024
"""What a browser sends without a cookie comes close to it: User-Agent, Accept, Sec-CH-UA and Sec-Fetch alone are 600."""
BROWSER_HEAD_COUNT = 16
"""Header lines a browser sends without a cookie."""
SHORT_TARGET_BYTES = 128
"""A path with one query parameter may be as long."""
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))


def check(spec: Spec, report: Report) -> None:
    _small(spec, report)
    _order(spec, report)
    for name, route in spec.routes.items():
        _no_body(spec, route, ("routes", name), report)


def _small(spec: Spec, report: Report) -> None:
    bounds = spec.bounds
    found = (
        ("head", bounds.head_bytes, BROWSER_HEAD_BYTES, write(Kind.SIZE, bounds.head_bytes)),
        ("target", bounds.target_bytes, SHORT_TARGET_BYTES, write(Kind.SIZE, bounds.target_bytes)),
        ("headers", bounds.head_count, BROWSER_HEAD_COUNT, str(bounds.head_count)),
    )
    for key, bound, ordinary, text in found:
        if bound < ordinary:
            what = "header lines" if key == "headers" else "bytes"
            message = f"ordinary requests of browsers are refused: they need more {what} than {text}"
            hint = None if key == "headers" else "a number without a unit is bytes"
            report.warn(("bounds", key), Danger.BOUNDS_SMALL, message, hint=hint)


def _order(spec: Spec, report: Report) -> None:
    """Only what was written: the default of the one follows no change of the other."""
    bounds, path = spec.bounds, ("bounds",)
    written = report.tree.names(path)
    if "target" in written and bounds.target_bytes > bounds.head_bytes:
        message = (
            f"`target` never applies: a head, of which it is a part, ends at {write(Kind.SIZE, bounds.head_bytes)}"
        )
        report.warn((*path, "target"), Danger.BOUNDS_ORDER, message)
    if "connections_per_address" in written and bounds.connections_per_address > bounds.connections:
        message = f"`connections_per_address` never applies: all addresses together have {bounds.connections}"
        report.warn((*path, "connections_per_address"), Danger.BOUNDS_ORDER, message)


def _no_body(spec: Spec, route: Route, path: Path, report: Report) -> None:
    """0 is any size elsewhere (nginx), and no byte here; it is told where something with a body may be meant to come."""
    if route.answer_bytes == 0:
        message = "0 is no byte, not any size: every answer of the service that has a body is a 502"
        report.warn((*path, "answer_body"), Danger.BOUNDS_NO_BODY, message, hint="leave the key out for any size")
    here: Path = (*path, "body") if route.body_bytes is not None else ("bounds", "body")
    body_bytes = spec.bounds.body_bytes if route.body_bytes is None else route.body_bytes
    takes_bodies = any(not match.methods or _WITH_BODY & {*match.methods} for match in route.match)
    if not body_bytes and takes_bodies and route.answer is None:
        message = "0 is no byte, not any size: every request that has a body is refused with 413"
        hint = "a size such as `10MB`; routes of GET alone may have 0"
        report.warn(here, Danger.BOUNDS_NO_BODY, message, hint=hint)
