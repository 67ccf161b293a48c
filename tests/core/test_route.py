from collections.abc import Callable

import pytest

from gateway.core.failure import Failure
from gateway.core.request import Header, Request
from gateway.core.route import Found, Miss, Router
from gateway.spec.model import Spec

Ask = Callable[..., Request]
SpecOf = Callable[[str], Spec]

TABLE = """
root: {match: /, to: dice}
roll: {match: "GET /roll/{sides}", to: dice}
roll-six: {match: GET /roll/6, to: dice}
rolls: {match: /roll/**, to: dice}
two-fields: {match: "/{game}/{count}", to: dice}
literal-first: {match: "/cards/{count}", to: cards}
literal-last: {match: "/{game}/rules", to: cards}
three-earlier: {match: "/x/{b}/{c}", to: cards}
three-more: {match: "/{a}/y/z", to: cards}
api: {match: /v2/**, to: dice}
api-users: {match: "/v2/users/{id}/**", to: dice}
api-me: {match: /v2/users/me/**, to: dice}
posted: {match: POST /orders, to: dice}
put: {match: PUT /orders, to: dice}
slash: {match: /docs/, to: dice}
accented: {match: /caf%C3%A9, to: dice}
shop: {match: shop.example/**, to: dice}
shop-cart: {match: "GET shop.example/cart", to: dice}
any-shop: {match: "*.shop.example/cart", to: dice}
any-de-shop: {match: "*.de.shop.example/**", to: dice}
beta: {match: {path: /beta, when: {header: {X-Beta: "1"}}}, to: dice}
beta-both: {match: {path: /beta, when: {header: {X-Beta: "1"}, query: {fast: {present: true}}}}, to: dice}
beta-get: {match: {path: /beta, methods: [GET], when: {cookie: {beta: "1"}}}, to: dice}
"""
BETA = (b"x-beta", b"1")


@pytest.fixture
def find(spec_of: SpecOf, ask: Ask) -> Callable[..., Found | Miss]:
    router = Router(spec_of(TABLE))
    return lambda line, *headers: router.find(ask(line, *headers))


@pytest.mark.parametrize(
    ("line", "headers", "name"),
    [
        pytest.param("GET /", (), "root", id="root"),
        pytest.param("GET /roll/6", (), "roll-six", id="an exact path before a field"),
        pytest.param("GET /roll/20", (), "roll", id="a field before a prefix"),
        pytest.param("HEAD /roll/20", (), "roll", id="GET takes HEAD"),
        pytest.param("POST /roll/20", (), "two-fields", id="a field before a prefix, whatever the literals"),
        pytest.param("POST /roll/20/x", (), "rolls", id="a prefix takes all below"),
        pytest.param("GET /roll", (), "rolls", id="a prefix takes itself"),
        pytest.param("GET /roll/", (), "rolls", id="a prefix takes itself with a slash; a field takes no empty segment"),
        pytest.param("GET /cards/rules", (), "literal-first", id="the earlier literal wins"),
        pytest.param("GET /chess/rules", (), "literal-last", id="a later literal before none"),
        pytest.param("GET /x/y/z", (), "three-more", id="more literals before earlier ones"),
        pytest.param("GET /v2", (), "api", id="a version by path"),
        pytest.param("GET /v2/users/7", (), "api-users", id="a longer prefix first, with a field"),
        pytest.param("GET /v2/users/7/x/y", (), "api-users", id="below a prefix with a field"),
        pytest.param("GET /v2/users/me/x", (), "api-me", id="a literal prefix before one with a field"),
        pytest.param("GET /v2/users", (), "two-fields", id="a template before a prefix, even of fields alone"),
        pytest.param("GET /v2/other/x", (), "api", id="the shorter prefix where the longer one does not hold"),
        pytest.param("GET /docs/", (), "slash", id="a trailing slash is part of an exact path"),
        pytest.param("GET /caf%C3%A9", (), "accented", id="an encoded path"),
        pytest.param("GET shop.example/roll/6", (), "shop", id="an exact host before a more specific path"),
        pytest.param("GET shop.example/cart", (), "shop-cart", id="an exact host with an exact path"),
        pytest.param("GET at.shop.example/cart", (), "any-shop", id="a wildcard host"),
        pytest.param("GET x.y.shop.example/cart", (), "any-shop", id="a wildcard takes any depth"),
        pytest.param("GET x.de.shop.example/cart", (), "any-de-shop", id="a longer wildcard first"),
        pytest.param("GET at.shop.example/roll/6", (), "roll-six", id="any host, where the wildcard's path is another"),
        pytest.param("POST /beta", (BETA,), "beta", id="a header"),
        pytest.param("GET /beta?fast", (BETA,), "beta-both", id="more conditions first"),
        pytest.param("GET /beta", (BETA, (b"cookie", b"beta=1")), "beta-get", id="a method before conditions"),
    ],
)  # fmt: skip
def test_the_most_specific_route_wins(
    find: Callable[..., Found | Miss], line: str, headers: tuple[Header, ...], name: str
) -> None:
    found = find(line, *headers)

    assert isinstance(found, Found)
    assert found.plan.name == name


@pytest.mark.parametrize(
    ("line", "miss"),
    [
        pytest.param("GET /none", Miss(Failure.NO_ROUTE), id="no path"),
        pytest.param("GET /v2example/a/b", Miss(Failure.NO_ROUTE), id="a prefix ends at a slash"),
        pytest.param("GET /docs", Miss(Failure.NO_ROUTE), id="an exact path with a slash, asked without"),
        pytest.param("GET /V2", Miss(Failure.NO_ROUTE), id="paths have case"),
        pytest.param("GET /beta", Miss(Failure.NO_ROUTE), id="no condition holds"),
        pytest.param(
            "GET /orders", Miss(Failure.METHOD_NOT_ALLOWED, ("POST", "PUT")), id="other methods only, all listed"
        ),
    ],
)
def test_a_request_without_a_route_is_told_why(find: Callable[..., Found | Miss], line: str, miss: Miss) -> None:
    assert find(line) == miss


def test_allow_lists_only_methods_whose_other_conditions_hold(spec_of: SpecOf, ask: Ask) -> None:
    router = Router(
        spec_of("""
        read: {match: GET /x, to: dice}
        beta: {match: {path: /x, methods: [DELETE], when: {header: {X-Beta: "1"}}}, to: dice}
        """)
    )

    assert router.find(ask("POST /x")) == Miss(Failure.METHOD_NOT_ALLOWED, ("GET", "HEAD"))
    assert router.find(ask("POST /x", BETA)) == Miss(Failure.METHOD_NOT_ALLOWED, ("DELETE", "GET", "HEAD"))


def test_a_wildcard_host_is_not_the_host_itself(spec_of: SpecOf, ask: Ask) -> None:
    router = Router(spec_of('below: {match: "*.shop.example/**", to: dice}'))

    assert router.find(ask("GET shop.example/x")) == Miss(Failure.NO_ROUTE)
    assert isinstance(router.find(ask("GET a.shop.example/x")), Found)


def test_the_order_of_the_spec_decides_between_equals(spec_of: SpecOf, ask: Ask) -> None:
    router = Router(
        spec_of("""
        first: {match: {path: /x, when: {header: {X-A: "1"}}}, to: dice}
        second: {match: {path: /x, when: {header: {X-B: "1"}}}, to: dice}
        """)
    )

    found = router.find(ask("GET /x", (b"x-a", b"1"), (b"x-b", b"1")))

    assert isinstance(found, Found)
    assert found.plan.name == "first"


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param("GET /roll/20", {"sides": "20"}, id="one field"),
        pytest.param("GET /chess/2", {"game": "chess", "count": "2"}, id="two fields"),
        pytest.param("GET /v2", {"**": ""}, id="a prefix itself leaves nothing"),
        pytest.param("GET /v2/", {"**": "/"}, id="a prefix with a slash leaves the slash"),
        pytest.param("GET /v2/a/b/", {"**": "/a/b/"}, id="what is below a prefix"),
        pytest.param("GET /v2/users/7/a", {"id": "7", "**": "/a"}, id="a field and what is below"),
        pytest.param("GET /roll/6", {}, id="an exact path catches nothing"),
    ],
)
def test_a_route_catches_its_fields(find: Callable[..., Found | Miss], line: str, fields: dict[str, str]) -> None:
    found = find(line)

    assert isinstance(found, Found)
    assert found.fields == fields


def test_asking_twice_gives_the_same_route_and_conditions_are_asked_each_time(spec_of: SpecOf, ask: Ask) -> None:
    router = Router(
        spec_of("""
        beta: {match: {path: /x, when: {header: {X-Beta: "1"}}}, to: dice}
        all: {match: /**, to: dice}
        """)
    )

    def name(*headers: Header) -> str:
        found = router.find(ask("GET /x", *headers))
        assert isinstance(found, Found)
        return found.plan.name

    assert [name(BETA), name(), name(BETA), name()] == ["beta", "all", "beta", "all"]
    assert router.find(ask("GET /y")) is router.find(ask("GET /y"))


def test_what_is_remembered_is_bounded(spec_of: SpecOf, ask: Ask) -> None:
    router = Router(spec_of("all: {match: /**, to: dice}"))

    for number in range(5_000):
        router.find(ask(f"GET /{number}"))
    long = ask("GET /" + "x" * 8_000)

    assert len(router._memo) <= 1024
    assert router.find(long) is not router.find(long)


def test_the_asterisk_is_no_path(spec_of: SpecOf) -> None:
    router = Router(spec_of("all: {match: /**, to: dice}"))

    assert router.find(Request("OPTIONS", "casino.example", "*", "", [], "")) == Miss(Failure.NO_ROUTE)


def test_two_versions_of_an_api_live_together_in_each_of_the_four_ways(spec_of: SpecOf, ask: Ask) -> None:
    router = Router(
        spec_of("""
        path-v2: {match: /v2/cards/**, to: cards}
        host-v2: {match: v2.casino.example/cards/**, to: cards}
        header-v2: {match: {path: /cards/**, when: {header: {Api-Version: "2"}}}, to: cards}
        type-v2: {match: {path: /cards/**, when: {media_type: application/vnd.casino.v2+json}}, to: cards}
        v1: {match: /cards/**, to: cards}
        """)
    )

    def name(line: str, *headers: Header) -> str:
        found = router.find(ask(line, *headers))
        assert isinstance(found, Found)
        return found.plan.name

    assert name("GET /cards/5") == "v1"
    assert name("GET /v2/cards/5") == "path-v2"
    assert name("GET v2.casino.example/cards/5") == "host-v2"
    assert name("GET /cards/5", (b"api-version", b"2")) == "header-v2"
    assert name("GET /cards/5", (b"accept", b"text/html, application/vnd.casino.v2+json;q=0.9")) == "type-v2"
