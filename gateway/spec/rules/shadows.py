"""Routes that never see a request, because another takes it first (docs/routing.md has the order)."""

from collections import defaultdict

from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.route import Match, Test, When
from gateway.spec.rules.report import Report
from gateway.spec.rules.route import matches, shape

MOST_RIVALS = 16
"""Matches of one host and path that later ones are compared with; comparing all takes quadratic time."""


def check(spec: Spec, report: Report) -> None:
    """Warn of matches that an earlier one takes from.

    More specific hosts and paths go first, so only matches of equal host and path can take from each other: there the
    order of the spec decides, once methods and the number of conditions are equally specific.
    """
    rivals: dict[object, list[tuple[Path, Match]]] = defaultdict(list)
    for path, host, match in matches(spec):
        known = rivals[host, shape(match)]
        for earlier_path, earlier in known[:MOST_RIVALS]:
            _rivalry(earlier_path, earlier, path, match, report)
        known.append((path, match))
    _health_path(spec, report)


def _rivalry(earlier_path: Path, earlier: Match, path: Path, match: Match, report: Report) -> None:
    if bool(earlier.methods) != bool(match.methods) or not _implied(earlier.when, match.when):
        return
    taken = [method for method in match.methods if method in earlier.methods]
    where = f"route `{earlier_path[1]}` at {report.tree.value_place(earlier_path)}"
    if len(taken) == len(match.methods):
        report.warn(path, Danger.ROUTE_SHADOWED, f"this match is never reached: {where} takes all its requests")
    elif taken:
        report.warn(path, Danger.ROUTE_SHADOWED, f"{where} takes the {', '.join(taken)} requests of this match")


def _implied(wider: When, narrower: When) -> bool:
    """Say whether every request for which `narrower` holds is one for which `wider` holds, and `wider` is asked first."""
    if _count(wider) != _count(narrower):
        return False
    if wider.media_type is not None and wider.media_type != narrower.media_type:
        return False
    return all(
        name in tests and _test_implied(test, tests[name])
        for kind in ("header", "cookie", "query")
        for tests in [_tests(narrower, kind)]
        for name, test in _tests(wider, kind).items()
    )


def _count(when: When) -> int:
    return len(when.header) + len(when.cookie) + len(when.query) + (when.media_type is not None)


def _tests(when: When, kind: str) -> dict[str, Test]:
    tests: dict[str, Test] = getattr(when, kind)
    return {name.lower(): test for name, test in tests.items()} if kind == "header" else tests


def _test_implied(wider: Test, narrower: Test) -> bool:
    if wider.present:
        return narrower.present is not False
    if wider.prefix is not None:
        return (narrower.exact or narrower.prefix or "").startswith(wider.prefix)
    return wider == narrower


def _health_path(spec: Spec, report: Report) -> None:
    for path, _, match in matches(spec):
        if match.path == spec.listen.health:
            message = f"`{match.path}` is the gateway's own health path (`listen.health`), which is answered first"
            report.warn(path, Danger.ROUTE_HEALTH_PATH, message)
