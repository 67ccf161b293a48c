"""Contradictions in limits, numbers no limit can keep, and limits that do not count whom they seem to count."""

from gateway.spec.limit import Limit
from gateway.spec.model import Spec
from gateway.spec.nodes import Path, Scalar
from gateway.spec.problem import Danger, Fault
from gateway.spec.rules.report import Report

MOST_PER_SECOND = 1_000_000
"""Beyond it the time one request takes up is no whole number of nanoseconds within 0.1 %, and no gateway is so fast."""
LONGEST_SECONDS = 31 * 86_400
"""What takes longer to come back than a month is a quota, which survives a restart."""


def check(spec: Spec, report: Report) -> None:
    identified = any(route.identity for route in spec.routes.values())
    for name, limit in spec.limits.items():
        _limit(limit, ("limits", name), report, has_store=spec.store is not None)
        _consumers(limit, ("limits", name), report, identified=identified)
    for label, route in spec.routes.items():
        for name, limit in route.limits.items():
            path: Path = ("routes", label, "limits", name)
            _limit(limit, path, report, has_store=spec.store is not None)
            _consumers(limit, path, report, identified=route.identity is not None)
            if name in spec.limits:
                first = report.tree.place(("limits", name))
                message = f"limit `{name}` is also one of all routes: answers, metrics and log would mix them up"
                report.refuse(path, Fault.CONFLICT, message, hint=f"the other is at {first}")


def _limit(limit: Limit, path: Path, report: Report, *, has_store: bool) -> None:
    if not report.sound(path):
        return
    stated = [key for key in ("rate", "concurrent", "quota") if key in report.tree.names(path)]
    if len(stated) != 1:
        message = f"exactly one of `rate`, `concurrent` and `quota` is needed, not {len(stated)}"
        report.refuse(path, Fault.CONFLICT, message)
        return
    for key, only, is_meant in (("burst", "rate", True), ("period", "quota", limit.period != "day")):
        if is_meant and key in report.tree.names(path) and only not in stated:
            report.refuse((*path, key), Fault.CONFLICT, f"`{key}` goes with `{only}` only")
    if limit.rate_per_second is not None:
        _rate(limit.rate_per_second, limit.burst or 1, path, report)
    if limit.quota is not None and not has_store:
        message = "a quota is kept in the store, and there is none"
        report.refuse(
            (*path, "quota"), Fault.MISSING_KEY, message, hint="`store: {url: sqlite:/var/lib/casino/store.db}`"
        )


def _rate(rate: float, burst: int, path: Path, report: Report) -> None:
    place = report.tree.value_place((*path, "rate"))
    written = report.tree.entry((*path, "rate"))
    if written and isinstance(written.value, Scalar) and "B" in written.value.text:
        report.refuse(path, Fault.BAD_VALUE, "requests are counted, not bytes", hint="`100/s`", place=place)
    elif not rate:
        hint = "`answer: {status: 404}` closes a route"
        report.refuse(path, Fault.OUT_OF_RANGE, "a rate of 0 lets nothing through", hint=hint, place=place)
    elif rate > MOST_PER_SECOND:
        message = f"no rate beyond {MOST_PER_SECOND}/s can be kept"
        report.refuse(path, Fault.OUT_OF_RANGE, message, place=place)
    elif burst / rate > LONGEST_SECONDS:
        message = "it takes longer than a month until the burst is there again"
        report.refuse(path, Fault.OUT_OF_RANGE, message, hint="`quota` with `period: month`", place=place)


def _consumers(limit: Limit, path: Path, report: Report, *, identified: bool) -> None:
    if limit.by == "consumer" and not identified:
        message = "no caller shows who it is here, so each is counted by its address"
        report.warn((*path, "by"), Danger.LIMIT_NO_IDENTITY, message, hint="`identity` on the route, or `by: address`")
