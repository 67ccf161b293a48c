"""Conditions on a request's headers, cookies, query and media type, compiled from the spec's `when`.

An expression a user wrote runs in RE2, whose time is linear in the text, and must match the whole value.
"""

import functools
from collections.abc import Callable, Mapping

import re2

from gateway.core.request import Request
from gateway.spec.route import Test, When

Reader = Callable[[Request, str], str | None]
Judge = Callable[[str | None], bool]


class Condition:
    """One condition; `text` says it in words."""

    __slots__ = ("_judge", "_name", "_read", "text")

    def __init__(self, read: Reader, name: str, judge: Judge, text: str) -> None:
        self._read = read
        self._name = name
        self._judge = judge
        self.text = text

    def holds(self, request: Request) -> bool:
        return self._judge(self._read(request, self._name))


def compile_when(when: When) -> tuple[Condition, ...]:
    """Compile the conditions of one `when`; all of them must hold."""
    compiled = [
        *_tests("header", Request.header, {name.lower(): test for name, test in when.header.items()}),
        *_tests("cookie", Request.cookie, when.cookie),
        *_tests("query parameter", Request.query_value, when.query),
    ]
    if when.media_type is not None:
        judge = functools.partial(_names_media_type, when.media_type.lower())
        compiled.append(Condition(_media_types, "", judge, f"media type {when.media_type}"))
    return tuple(compiled)


def all_hold(conditions: tuple[Condition, ...], request: Request) -> bool:
    return all(condition.holds(request) for condition in conditions)


def _tests(kind: str, read: Reader, tests: Mapping[str, Test]) -> list[Condition]:
    compiled = []
    for name, test in tests.items():
        judge, words = _judge(test)
        compiled.append(Condition(read, name, judge, f"{kind} {name} {words}"))
    return compiled


def _judge(test: Test) -> tuple[Judge, str]:
    if test.exact is not None:
        return functools.partial(_equals, test.exact), f"is `{test.exact}`"
    if test.prefix is not None:
        return functools.partial(_begins, test.prefix), f"begins with `{test.prefix}`"
    if test.regex is not None:
        return functools.partial(_matches, _expression(test.regex)), f"matches `{test.regex}`"
    return (_is_present, "is present") if test.present else (_is_absent, "is absent")


def _equals(wanted: str, value: str | None) -> bool:
    return value == wanted


def _begins(prefix: str, value: str | None) -> bool:
    return value is not None and value.startswith(prefix)


def _is_present(value: str | None) -> bool:
    return value is not None


def _is_absent(value: str | None) -> bool:
    return value is None


def _expression(pattern: str) -> re2.Set:
    """A set of one: its answer costs a third of that of `re2.compile(...).fullmatch`, which builds a match object."""
    expression = re2.Set.FullMatchSet()
    expression.Add(pattern)
    expression.Compile()
    return expression


def _matches(expression: re2.Set, value: str | None) -> bool:
    return value is not None and expression.Match(value) is not None


def _media_types(request: Request, _: str) -> str | None:
    accept, content = request.header("accept"), request.header("content-type")
    return content if accept is None else accept if content is None else f"{accept},{content}"


def _names_media_type(wanted: str, value: str | None) -> bool:
    """Say whether a list of media types names one and does not refuse it by `q=0` (RFC 9110 section 12.5.1)."""
    if value is None:
        return False
    for listed in value.lower().split(","):
        name, _, parameters = listed.partition(";")
        if name.strip() == wanted and not _refuses(parameters):
            return True
    return False


def _refuses(parameters: str) -> bool:
    return any(parameter.replace(" ", "") in _NO_QUALITY for parameter in parameters.split(";"))


_NO_QUALITY = frozenset(("q=0", "q=0.", "q=0.0", "q=0.00", "q=0.000"))
