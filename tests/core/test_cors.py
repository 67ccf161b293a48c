import pytest

from gateway.core.cors import Cors, asked_method
from gateway.core.request import Header, Request
from gateway.spec import edge

SHOP = edge.Cors(origins=("https://shop.example", "https://*.shop.example:8443", "http://localhost:3000"))


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("http://localhost:3000", True),
        ("https://a.shop.example:8443", True),
        ("https://a.b.shop.example:8443", True),
        ("https://a.shop.example", False),
        ("https://a.shop.example:443", False),
        ("https://shop.example:8443", False),
        ("https://.shop.example:8443", False),
        ("https://a..shop.example:8443", False),
        ("https://evil-shop.example:8443", False),
        ("https://evilshop.example", False),
        ("https://shop.example.evil", False),
        ("https://a.shop.example.evil:8443", False),
        ("https://a.shop.example:8443.evil", False),
        ("https://evil/a.shop.example:8443", False),
        ("https://evil#.shop.example:8443", False),
        ("https://evil@a.shop.example:8443", False),
        ("https://a.shop.example:8443, https://evil", False),
        ("https://SHOP.example", False),
        ("HTTPS://shop.example", False),
        ("http://shop.example", False),
        ("http://a.shop.example:8443", False),
        ("https://shop.example/", False),
        ("https://shop.example.", False),
        ("https://shopxexample", False),
        ("null", False),
        ("", False),
        ("*", False),
        (None, False),
    ],
)
def test_an_origin_is_compared_whole(origin: str | None, allowed: bool) -> None:
    assert Cors(SHOP, [()]).allows(origin) is allowed


def test_no_site_in_particular_is_let_in_only_by_name() -> None:
    assert Cors(edge.Cors(origins=("null",)), [()]).allows("null")


def test_every_answer_says_that_it_depends_on_the_origin() -> None:
    cors = Cors(edge.Cors(origins=("https://shop.example",), credentials=True, expose=("X-A", "X-B")), [()])

    assert cors.lines("https://shop.example") == (
        b"access-control-allow-origin: https://shop.example\r\n"
        b"access-control-allow-credentials: true\r\n"
        b"access-control-expose-headers: X-A, X-B\r\n"
        b"vary: Origin\r\n"
    )
    assert cors.lines("https://evil.example") == cors.lines(None) == b"vary: Origin\r\n"


def test_what_every_page_may_read_depends_on_no_origin() -> None:
    cors = Cors(edge.Cors(origins=("*",)), [()])

    assert cors.lines("https://evil.example") == cors.lines(None) == b"access-control-allow-origin: *\r\n"


@pytest.mark.parametrize(
    ("named", "matched", "told"),
    [
        pytest.param((), [("GET",)], b"GET, HEAD, POST", id="what needs no leave is always named"),
        pytest.param((), [("GET",), ("PUT",)], b"GET, HEAD, POST, PUT", id="those of all matches"),
        pytest.param((), [("GET",), ()], b"DELETE, GET, HEAD, PATCH, POST, PUT", id="a match that takes every method"),
        pytest.param(("DELETE",), [()], b"DELETE, GET, HEAD, POST", id="those named and no more"),
    ],
)
def test_a_preflight_is_told_the_methods(named: tuple[str, ...], matched: list[tuple[str, ...]], told: bytes) -> None:
    cors = Cors(edge.Cors(origins=("*",), methods=named, headers=("X-A",), max_age_seconds=60), matched)

    assert cors.permissions("https://a") == (
        b"access-control-allow-methods: %b\r\naccess-control-allow-headers: X-A\r\naccess-control-max-age: 60\r\n"
        % told
    )


@pytest.mark.parametrize(
    ("origin", "method", "headers", "granted"),
    [
        ("https://shop.example", "PUT", "", True),
        ("https://shop.example", "PUT", "x-a,Content-Type", True),
        ("https://shop.example", "PUT", "x-a,x-other", False),
        ("https://shop.example", "DELETE", "x-a", False),
        ("https://evil.example", "PUT", "", False),
    ],
)
def test_a_preflight_is_granted_when_the_browser_goes_on(origin: str, method: str, headers: str, granted: bool) -> None:
    rules = edge.Cors(origins=("https://shop.example",), methods=("PUT",), headers=("X-A", "content-type"))

    assert Cors(rules, [()]).grants(origin, method, headers) is granted


def test_any_header_may_be_granted() -> None:
    assert Cors(edge.Cors(origins=("*",), headers=("*",)), [()]).grants("https://a", "GET", "x-whatever")


ORIGIN, METHOD = (b"origin", b"https://a"), (b"access-control-request-method", b"PUT")


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        pytest.param([ORIGIN, METHOD], "PUT", id="a preflight"),
        pytest.param([ORIGIN], None, id="no method asked for"),
        pytest.param([METHOD], None, id="no page"),
        pytest.param([ORIGIN, (b"access-control-request-method", b"")], None, id="an empty method"),
        pytest.param([ORIGIN, (b"access-control-request-method", b"put")], None, id="a method nobody has"),
        pytest.param([ORIGIN, METHOD, METHOD], None, id="two methods"),
        pytest.param([ORIGIN, (b"access-control-request-method", b"A" * 21)], None, id="a long method"),
    ],
)
def test_only_what_a_browser_sends_ahead_is_a_preflight(headers: list[Header], method: str | None) -> None:
    assert asked_method(Request("OPTIONS", "a", "/", "", headers, "192.0.2.1")) == method
