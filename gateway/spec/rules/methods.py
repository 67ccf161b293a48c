"""Methods the gateway answers with 501 whatever the routes say: a route for one of them takes nothing."""

from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.rules.report import Report
from gateway.spec.suggest import meant

SERVED = frozenset((
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY",
    "ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY",
    "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "UNBIND", "UNLINK", "UNLOCK",
    "UNSUBSCRIBE",
))  # fmt: skip
"""What gateway.proxy.head reads and does not refuse; llhttp knows no others."""


def check(spec: Spec, report: Report) -> None:
    for name, route in spec.routes.items():
        for place, match in enumerate(route.match):
            _methods(match.methods, ("routes", name, "match", place, "methods"), report)
        if route.cors is not None:
            _methods(route.cors.methods, ("routes", name, "cors", "methods"), report)


def _methods(methods: tuple[str, ...], path: Path, report: Report) -> None:
    for place, method in enumerate(methods):
        if method not in SERVED:
            message = f"{method} is always refused with 501, before routes are asked"
            report.warn((*path, place), Danger.METHOD_REFUSED, message, hint=meant(method, SERVED))
