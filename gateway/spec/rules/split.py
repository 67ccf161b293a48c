"""Contradictions within a route's split."""

from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.route import Route, When
from gateway.spec.rules.report import Report
from gateway.spec.scalars import write
from gateway.spec.units import Kind

ROUNDING = 1e-9


def check(route: Route, path: Path, report: Report) -> None:
    """Check the arms one by one, then what they make together."""
    if not route.split:
        return
    _versions(route, path, report)
    for place, arm in enumerate(route.split):
        if arm.when == When():
            report.refuse((*path, place, "when"), Fault.CONFLICT, "a rule needs at least one condition")
        if arm.when is not None and arm.weight_ratio is not None:
            message = "an arm has either a rule (`when`) or a part of the rest (`weight`)"
            report.refuse((*path, place, "weight"), Fault.CONFLICT, message)
    if report.sound(path):
        _shares(route, path, report)


def _versions(route: Route, path: Path, report: Report) -> None:
    known = report.tree.names(("upstreams", route.to or "", "versions"))
    first: dict[str, int] = {}
    for place, arm in enumerate(route.split):
        here = (*path, place, "version")
        if known and arm.version not in known:
            report.unknown(here, f"version of `{route.to}` named", arm.version, known)
        if arm.when is None and first.setdefault(arm.version, place) != place:
            value = report.tree.value_place(here)
            report.refuse(here, Fault.CONFLICT, f"version `{arm.version}` is given twice", place=value)


def _shares(route: Route, path: Path, report: Report) -> None:
    places = [place for place, arm in enumerate(route.split) if arm.when is None]
    if not places:
        message = "every arm has a rule, so a request that none of them takes has nowhere to go"
        report.refuse(path, Fault.SHARES, message, hint="end with an arm without `when`")
        return
    shares = [route.split[place].weight_ratio for place in places]
    total = sum(share for share in shares if share is not None)
    too_little = None not in shares and total < 1 - ROUNDING
    if too_little or total > 1 + ROUNDING:
        last = report.tree.latest(path, tuple((*path, place, "weight") for place in places))
        message = f"the shares add up to {write(Kind.SHARE, round(total, 12))}, not 100%"
        report.refuse(path, Fault.SHARES, message, place=last, hint="leave one out to give it the rest")
