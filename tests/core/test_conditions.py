from collections.abc import Callable

import pytest

from gateway.core.conditions import all_hold, compile_when
from gateway.core.request import Header, Request
from gateway.spec.route import Test, When

Ask = Callable[..., Request]
V2 = "application/vnd.casino.v2+json"


def accept(value: str) -> Header:
    return (b"accept", value.encode())


def content(value: str) -> Header:
    return (b"content-type", value.encode())


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        pytest.param(Test(exact="1"), b"1", True, id="exact"),
        pytest.param(Test(exact="1"), b"11", False, id="exact is all of it"),
        pytest.param(Test(exact="1"), None, False, id="exact, absent"),
        pytest.param(Test(exact="é"), "é".encode(), True, id="exact in UTF-8"),
        pytest.param(Test(prefix="v"), b"v2", True, id="prefix"),
        pytest.param(Test(prefix="v"), b"w", False, id="another prefix"),
        pytest.param(Test(prefix=""), None, False, id="an empty prefix, absent"),
        pytest.param(Test(regex="v[0-9]+"), b"v12", True, id="expression"),
        pytest.param(Test(regex="v[0-9]+"), b"xv12", False, id="an expression matches from the beginning"),
        pytest.param(Test(regex="v[0-9]+"), b"v12x", False, id="an expression matches to the end"),
        pytest.param(Test(regex="a|ab"), b"ab", True, id="an expression's longer branch"),
        pytest.param(Test(regex=".*"), None, False, id="expression, absent"),
        pytest.param(Test(regex="(a+)+b"), b"a" * 30_000, False, id="an expression that others take forever for"),
        pytest.param(Test(present=True), b"", True, id="present though empty"),
        pytest.param(Test(present=True), None, False, id="not present"),
        pytest.param(Test(present=False), None, True, id="absent"),
        pytest.param(Test(present=False), b"x", False, id="not absent"),
    ],
)
def test_a_condition_judges_a_value(ask: Ask, test: Test, value: bytes | None, holds: bool) -> None:
    headers = [] if value is None else [(b"x-a", value)]

    assert all_hold(compile_when(When(header={"X-A": test})), ask("GET /", *headers)) is holds


def test_all_conditions_must_hold(ask: Ask) -> None:
    yes = Test(exact="1")
    conditions = compile_when(When(header={"X-A": yes}, cookie={"b": yes}, query={"c": yes}))

    assert all_hold(conditions, ask("GET /?c=1", (b"x-a", b"1"), (b"cookie", b"b=1")))
    assert not all_hold(conditions, ask("GET /?c=1", (b"x-a", b"1")))
    assert not all_hold(conditions, ask("GET /", (b"x-a", b"1"), (b"cookie", b"b=1")))


@pytest.mark.parametrize(
    ("headers", "holds"),
    [
        pytest.param((accept(V2),), True, id="accepted"),
        pytest.param((accept(f"text/html, {V2.upper()} ; q=0.5"),), True, id="accepted among others, in capitals"),
        pytest.param((accept(f"{V2};q=0"),), False, id="refused"),
        pytest.param((accept(f"{V2}; charset=x; q=0.000"),), False, id="refused with more digits"),
        pytest.param((accept("*/*"),), False, id="a wildcard names nothing"),
        pytest.param((accept(f"{V2}x"),), False, id="a longer name"),
        pytest.param((), False, id="nothing"),
        pytest.param((content(f"{V2}; charset=utf-8"),), True, id="the body's own type"),
        pytest.param((accept("text/html"), content(V2)), True, id="the body's type where another is accepted"),
        pytest.param((accept(V2), content("text/html")), True, id="accepted where the body's type is another"),
    ],
)
def test_a_media_type_is_named_by_accept_or_by_content_type(ask: Ask, headers: tuple[Header, ...], holds: bool) -> None:
    assert all_hold(compile_when(When(media_type=V2)), ask("POST /", *headers)) is holds


def test_a_condition_says_itself_in_words() -> None:
    conditions = compile_when(
        When(
            header={"X-A": Test(exact="1")},
            cookie={"b": Test(prefix="2")},
            query={"c": Test(regex="3+"), "d": Test(present=True), "e": Test(present=False)},
            media_type=V2,
        )
    )

    assert [condition.text for condition in conditions] == [
        "header x-a is `1`",
        "cookie b begins with `2`",
        "query parameter c matches `3+`",
        "query parameter d is present",
        "query parameter e is absent",
        f"media type {V2}",
    ]
