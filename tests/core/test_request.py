from collections.abc import Callable

import pytest

from gateway.core.request import Request

Ask = Callable[..., Request]


@pytest.fixture
def request_(ask: Ask) -> Request:
    return ask(
        "GET /x?a=1&a=2&b=x%20y&c=x+y&d&=e&%66=%C3%A9&g=%FF",
        (b"x-one", b"1"),
        (b"x-many", b"1"),
        (b"x-many", b"2"),
        (b"x-utf-8", "é".encode()),
        (b"x-latin-1", b"\xe9"),
        (b"cookie", b'a=1; b="quoted"; a=2;c'),
        (b"cookie", b"d=x=y"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("x-one", "1", id="one field"),
        pytest.param("x-many", "1, 2", id="repeated fields are joined"),
        pytest.param("x-utf-8", "é", id="UTF-8"),
        pytest.param("x-latin-1", "\ufffd", id="what is no UTF-8 is replaced"),
        pytest.param("x-none", None, id="absent"),
    ],
)
def test_a_header_is_found_by_its_lower_case_name(request_: Request, name: str, value: str | None) -> None:
    assert request_.header(name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("a", "1", id="the first one of a name"),
        pytest.param("b", '"quoted"', id="quotes belong to the value"),
        pytest.param("c", "", id="no value"),
        pytest.param("d", "x=y", id="in a second header, with a sign of equality"),
        pytest.param("A", None, id="names have case"),
    ],
)
def test_a_cookie_is_found_by_its_name(request_: Request, name: str, value: str | None) -> None:
    assert request_.cookie(name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("a", "1", id="the first one of a name"),
        pytest.param("b", "x y", id="decoded"),
        pytest.param("c", "x y", id="plus is a space"),
        pytest.param("d", "", id="no value"),
        pytest.param("f", "é", id="an encoded name"),
        pytest.param("g", "\ufffd", id="what is no UTF-8 is replaced"),
        pytest.param("z", None, id="absent"),
    ],
)
def test_a_query_parameter_is_decoded(request_: Request, name: str, value: str | None) -> None:
    assert request_.query_value(name) == value


def test_a_request_without_a_query_has_no_parameters(ask: Ask) -> None:
    assert ask("GET /x").query_value("a") is None
