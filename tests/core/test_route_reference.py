"""The router against a matcher that tries every route and sorts by the order docs/routing.md states."""

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.failure import Failure
from gateway.core.request import Request
from gateway.core.route import Found, Miss, Router
from gateway.spec.model import Spec
from gateway.spec.route import Match, Route, Test, When
from gateway.spec.upstream import Target, Upstream, Version

UPSTREAMS = {"dice": Upstream(versions={"v1": Version(targets=(Target(url="http://127.0.0.1:7001"),))})}
HEADERS = ("x-a", "x-b")

segments = st.lists(st.sampled_from(["a", "b", "c", "{}"]), max_size=3)
templates = st.builds(
    lambda parts, end: ("".join(f"/{part}" for part in name_fields(parts)) + end) or "/",
    segments,
    st.sampled_from(["", "/", "/**"]),
)
matches = st.builds(
    Match,
    path=templates,
    methods=st.sampled_from([(), ("GET",), ("POST",), ("GET", "POST")]),
    hosts=st.sampled_from([(), ("a.x",), ("*.x",), ("*.a.x",), ("b.a.x", "*.x")]),
    when=st.sets(st.sampled_from(HEADERS)).map(
        lambda names: When(header={name: Test(exact="1") for name in sorted(names)})
    ),
)
routes = st.lists(st.lists(matches, min_size=1, max_size=2).map(tuple), min_size=1, max_size=8)
requests = st.builds(
    lambda method, host, parts, end, headers: Request(
        method, host, ("".join(f"/{part}" for part in parts) + end) or "/", "",
        [(name.encode(), b"1") for name in headers], "",
    ),
    st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
    st.sampled_from(["x", "a.x", "b.a.x", "c.b.a.x", "other"]),
    st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4),
    st.sampled_from(["", "/"]),
    st.sets(st.sampled_from(HEADERS)),
)  # fmt: skip


def name_fields(parts: list[str]) -> list[str]:
    numbers = count()
    return [f"{{f{next(numbers)}}}" if part == "{}" else part for part in parts]


def host_rank(host: str, asked: str) -> int | None:
    if host == "":
        return 0
    if host == asked:
        return 1_000
    return len(host) if host.startswith("*.") and asked.endswith(host[1:]) else None


def path_rank(template: str, path: str) -> tuple[object, ...] | None:
    rest = template.endswith("/**")
    wanted = template.removesuffix("/**")[1:].split("/") if template != "/**" else []
    given_parts = path[1:].split("/")
    if len(given_parts) < len(wanted) or (len(given_parts) > len(wanted) and not rest):
        return None
    if not all(part if want[:1] == "{" else part == want for want, part in zip(wanted, given_parts, strict=False)):
        return None
    literal = tuple(want[:1] != "{" for want in wanted)
    kind = 0 if rest else 2 if all(literal) else 1
    return kind, len(wanted), sum(literal), literal


def reference(table: dict[str, Route], request: Request) -> str | tuple[Failure, tuple[str, ...]]:
    best: list[tuple[tuple[object, ...], str]] = []
    allowed: set[str] = set()
    orders = count()
    for name, route in table.items():
        for match in route.match:
            order = next(orders)
            for host in match.hosts or ("",):
                by_host, by_path = host_rank(host, request.host), path_rank(match.path, request.path)
                holds = all(request.header(header) == "1" for header in match.when.header)
                if by_host is None or by_path is None or not holds:
                    continue
                methods = {*match.methods, *(("HEAD",) if "GET" in match.methods else ())}
                allowed |= methods
                if not methods or request.method in methods:
                    best.append(((by_host, by_path, bool(methods), len(match.when.header), -order), name))
    if best:
        return max(best)[1]
    return (Failure.METHOD_NOT_ALLOWED, tuple(sorted(allowed))) if allowed else (Failure.NO_ROUTE, ())


@given(routes, st.lists(requests, min_size=1, max_size=20))
@settings(max_examples=60)
def test_the_router_agrees_with_a_matcher_that_tries_every_route(
    table: list[tuple[Match, ...]], asked: list[Request]
) -> None:
    named = {f"r{number}": Route(match=each, to="dice") for number, each in enumerate(table)}
    router = Router(Spec(casino=1, upstreams=UPSTREAMS, routes=named))

    for request in asked * 2:
        found = router.find(request)
        answer = found.plan.name if isinstance(found, Found) else (found.failure, found.allow)
        assert answer == reference(named, request)
        assert isinstance(found, Found | Miss)
