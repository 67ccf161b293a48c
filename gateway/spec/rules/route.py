"""Contradictions within a route, between routes, and between a route and what it names."""

from collections.abc import Iterator

from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.route import Answer, Match, Rewrite, Route, Test, When
from gateway.spec.rules import headers, split
from gateway.spec.rules.report import Report
from gateway.spec.template import Field, Template, parse_template

NO_BODY = {204, 205, 304}
"""RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5."""
TESTS = ("exact", "prefix", "regex", "present")


def check(spec: Spec, report: Report) -> None:
    for name, route in spec.routes.items():
        path: Path = ("routes", name)
        _destination(path, report)
        _names(route, path, report)
        _rewrite(route, (*path, "rewrite"), report)
        _upgrades(route, (*path, "upgrades"), report)
        for place, match in enumerate(route.match):
            _when(match.when, (*path, "match", place, "when"), report)
        for place, arm in enumerate(route.split):
            _when(arm.when or When(), (*path, "split", place, "when"), report)
        split.check(route, (*path, "split"), report)
        headers.check_rules(route.headers, (*path, "headers"), report)
        if route.answer is not None:
            _answer(route, route.answer, path, report)
    _identical(spec, report)
    if spec.alerts.team is not None and spec.alerts.team not in (teams := report.tree.names(("teams",))):
        report.unknown(("alerts", "team"), "team", spec.alerts.team, teams)


def _destination(path: Path, report: Report) -> None:
    written = report.tree.names(path)
    places: tuple[Path, ...] = ((*path, "to"), (*path, "answer"))
    if "to" in written and "answer" in written:
        place = report.tree.latest(places[1], places)
        report.refuse(path, Fault.CONFLICT, "a route has either `to` or `answer`, not both", place=place)
    elif "to" not in written and "answer" not in written:
        removed = report.tree.removed(places[0]) or report.tree.removed(places[1])
        hint = f"removed by {removed}" if removed else "`to: NAME` sends requests to an upstream"
        report.refuse(path, Fault.MISSING_KEY, "a route needs either `to` or `answer`", hint=hint)


def _names(route: Route, path: Path, report: Report) -> None:
    for key, section, kind in (("to", "upstreams", "upstream"), ("team", "teams", "team")):
        name, known = getattr(route, key), report.tree.names((section,))
        if name is not None and name not in known:
            report.unknown((*path, key), kind, name, known)


def _rewrite(route: Route, path: Path, report: Report) -> None:
    rewrite = route.rewrite
    if rewrite.path is not None and rewrite.strip_prefix is not None:
        report.refuse((*path, "strip_prefix"), Fault.CONFLICT, "one of `path` and `strip_prefix` is enough")
    if not report.sound((*path[:-1], "match")) or not report.sound(path):
        return
    templates = [parse_template(match.path) for match in route.match]
    if rewrite.path is not None:
        _rewrite_fields(parse_template(rewrite.path), templates, (*path, "path"), report)
    if rewrite.strip_prefix is not None and templates:
        _strip_prefix(rewrite, templates, (*path, "strip_prefix"), report)


def _rewrite_fields(new: Template, templates: list[Template], path: Path, report: Report) -> None:
    for template in templates:
        for name in new.fields:
            if name not in template.fields:
                report.refuse(
                    path, Fault.UNKNOWN_NAME, f"field `{{{name}}}` is not in the route's path",
                    hint=f"it has {', '.join(f'`{{{each}}}`' for each in template.fields) or 'none'}",
                    place=report.tree.value_place(path),
                )  # fmt: skip
        if new.rest and not template.rest:
            place = report.tree.value_place(path)
            report.refuse(path, Fault.CONFLICT, "`**` is not in the route's path, so nothing is left over", place=place)


def _strip_prefix(rewrite: Rewrite, templates: list[Template], path: Path, report: Report) -> None:
    prefix = [part for part in (rewrite.strip_prefix or "").split("/") if part]
    if not any(_may_begin(template, prefix) for template in templates):
        message = f"no path of this route begins with `{rewrite.strip_prefix}`"
        report.refuse(path, Fault.CONFLICT, message, place=report.tree.value_place(path))


def _may_begin(template: Template, prefix: list[str]) -> bool:
    if len(template.segments) < len(prefix) and not template.rest:
        return False
    pairs = zip(template.segments, prefix, strict=False)
    return all(isinstance(segment, Field) or segment == part for segment, part in pairs)


def _upgrades(route: Route, path: Path, report: Report) -> None:
    for place, token in enumerate(route.upgrades):
        if token == "h2c":  # noqa: S105 - an upgrade token (RFC 9113 section 3.1)
            report.refuse(
                (*path, place), Fault.BAD_VALUE, "`h2c` is never let through: it would carry requests past every rule"
            )


def _when(when: When, path: Path, report: Report) -> None:
    for kind in ("header", "cookie", "query"):
        tests: dict[str, Test] = getattr(when, kind)
        for name, test in tests.items():
            _test(test, (*path, kind, name), report)
    headers.check_conditions(when.header, (*path, "header"), report)


def _test(test: Test, path: Path, report: Report) -> None:
    stated = [key for key in TESTS if getattr(test, key) is not None]
    if len(stated) != 1 and report.sound(path):
        keys = "`exact`, `prefix`, `regex` and `present`"
        report.refuse(path, Fault.CONFLICT, f"exactly one of {keys} is needed, not {len(stated)}")


def _answer(route: Route, answer: Answer, path: Path, report: Report) -> None:
    if route.to is not None:
        return
    idle = {
        "split": route.split,
        "rewrite": route.rewrite != Rewrite(),
        "timeout": route.timeout_seconds,
        "upgrades": route.upgrades,
        "answer_body": route.answer_bytes is not None,
    }
    for key in (key for key, stated in idle.items() if stated):
        report.refuse((*path, key), Fault.CONFLICT, f"`{key}` has no meaning for a fixed answer")
    here = (*path, "answer")
    if answer.body and answer.status in NO_BODY:
        report.refuse((*here, "body"), Fault.CONFLICT, f"an answer with status {answer.status} has no body")
    headers.check_names(answer.headers, (*here, "headers"), report)


def matches(spec: Spec) -> Iterator[tuple[Path, str, Match]]:
    """Yield each match of each route for each host it takes ("" for every host)."""
    for name, route in spec.routes.items():
        for place, match in enumerate(route.match):
            for host in match.hosts or ("",):
                yield ("routes", name, "match", place), host, match


def shape(match: Match) -> tuple[object, ...]:
    """Return what two paths have in common that take the same requests: fields have no names there."""
    template = parse_template(match.path)
    return (*(None if isinstance(each, Field) else each for each in template.segments), template.rest)


def _identical(spec: Spec, report: Report) -> None:
    seen: dict[object, Path] = {}
    for path, host, match in matches(spec):
        if not report.sound(path):
            continue
        key = (host, shape(match), frozenset(match.methods), _conditions(match.when))
        first = seen.setdefault(key, path)
        if first != path:
            hint = f"the first is route `{first[1]}` at {report.tree.value_place(first)}"
            report.refuse(
                path, Fault.CONFLICT, "two routes match exactly the same requests" if first[1] != path[1] else
                "this route matches the same requests twice", hint=hint,
            )  # fmt: skip


def _conditions(when: When) -> frozenset[object]:
    named = {("header", name.lower(), test) for name, test in when.header.items()}
    named |= {("cookie", name, test) for name, test in when.cookie.items()}
    named |= {("query", name, test) for name, test in when.query.items()}
    return frozenset({*named, ("media type", when.media_type)})
