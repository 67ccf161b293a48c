"""What the loader says of shadowed routes is what the router does."""

import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.request import Request
from gateway.core.route import Found, Router
from gateway.spec.load import load
from gateway.spec.problem import Danger, SpecErrors

TESTS = ("'1'", "'12'", "{prefix: '1'}", "{present: true}", "{present: false}", "{regex: '[0-9]'}")
MATCHES = st.builds(
    "{{path: '{}', methods: [{}], hosts: [{}], when: {{{}}}}}".format,
    st.sampled_from(["/x", "/{a}", "/{b}", "/x/**", "/**"]),
    st.sampled_from(["", "GET", "POST", "GET, POST"]),
    st.sampled_from(["", "h", "'*.h'"]),
    st.just("") | st.sampled_from(TESTS).map("header: {{X-A: {}}}".format) | st.just("media_type: a/b"),
)
METHODS = ("GET", "HEAD", "POST", "PUT")
HOSTS = ("h", "a.h", "other")
PATHS = ("/", "/x", "/y", "/x/y")
HEADERS: tuple[list[tuple[bytes, bytes]], ...] = (
    [], [(b"x-a", b"1")], [(b"x-a", b"12")], [(b"x-a", b"z")], [(b"accept", b"a/b")], [(b"x-a", b"1"), (b"accept", b"a/b")],
)  # fmt: skip


@given(st.lists(MATCHES, min_size=2, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_route_that_is_never_reached_is_never_reached(tmp_path_factory, matches):
    path = tmp_path_factory.mktemp("shadows") / "spec.yaml"
    routes = "".join(f"  r{at}: {{match: {match}, answer: {{status: 200}}}}\n" for at, match in enumerate(matches))
    path.write_text(f"casino: 1\nroutes:\n{routes}")
    try:
        loaded = load(path)
    except SpecErrors as refused:
        assert {problem.id for problem in refused.problems} == {"conflict"}  # noqa: PT017 - any other is a mistake here
        return
    reached = reached_routes(Router(loaded.spec))
    for warning in loaded.warnings:
        assert warning.id == Danger.ROUTE_SHADOWED
        if "never reached" in warning.message:
            assert f"r{warning.line - 3}" not in reached
        taker = re.search(r"route `(r\d+)`", warning.message)
        assert taker is not None


def reached_routes(router: Router) -> set[str]:
    found = (
        router.find(Request(method, host, path, "", headers, "127.0.0.1"))
        for method, host, path, headers in itertools.product(METHODS, HOSTS, PATHS, HEADERS)
    )
    return {each.plan.name for each in found if isinstance(each, Found)}
