from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.failure import Refused
from gateway.core.path import normalise
from gateway.core.request import Request
from gateway.core.rewrite import Rewrite
from gateway.core.route import Found, Router
from gateway.spec.model import Spec
from gateway.spec.route import Rewrite as RewriteSpec

Ask = Callable[..., Request]
SpecOf = Callable[[str], Spec]

ROUTES = """
plain: {match: /plain/**, to: dice}
stripped: {match: /api/**, to: dice, rewrite: {strip_prefix: /api}}
stripped-slash: {match: /deep/**, to: dice, rewrite: {strip_prefix: /deep/er/}}
moved: {match: "/old/{id}/**", to: dice, rewrite: {path: "/new/{id}/**"}}
root: {match: /rooted/**, to: dice, rewrite: {path: /**}}
swapped: {match: "/swap/{a}/{b}", to: dice, rewrite: {path: "/{b}/x/{a}"}}
fixed: {match: /fixed/**, to: dice, rewrite: {path: /only}}
"""


@pytest.mark.parametrize(
    ("path", "target"),
    [
        pytest.param("/plain/a?b=1&c", b"/plain/a?b=1&c", id="nothing to rewrite"),
        pytest.param("/plain/%C3%A9", b"/plain/%C3%A9", id="encoded characters stay"),
        pytest.param("/api/foo?x=1", b"/foo?x=1", id="a prefix taken off"),
        pytest.param("/api", b"/", id="all of it taken off"),
        pytest.param("/api/", b"/", id="all but the slash taken off"),
        pytest.param("/deep/er", b"/", id="a prefix written with a slash"),
        pytest.param("/deep/er/x", b"/x", id="below a prefix written with a slash"),
        pytest.param("/deep/erx", b"/deep/erx", id="a prefix that is not whole segments stays"),
        pytest.param("/old/7/a/b/", b"/new/7/a/b/", id="field and rest"),
        pytest.param("/old/7", b"/new/7", id="field without rest"),
        pytest.param("/old/%20%7B/", b"/new/%20%7B/", id="fields keep their encoding"),
        pytest.param("/old/{id}/x", b"/new/%7Bid%7D/x", id="a field's text is no template"),
        pytest.param("/rooted", b"/", id="an empty rest at the root"),
        pytest.param("/rooted/a", b"/a", id="a rest at the root"),
        pytest.param("/swap/1/2", b"/2/x/1", id="fields in another order"),
        pytest.param("/fixed/a?b", b"/only?b", id="a fixed path keeps the query"),
    ],
)
def test_the_upstream_sees_the_rewritten_target(spec_of: SpecOf, path: str, target: bytes) -> None:
    assert sent(Router(spec_of(ROUTES)), path) == target


@pytest.mark.parametrize("path", ["/api../admin", "/api./admin", "/apix/admin", "/API/admin"])
def test_a_prefix_route_cannot_be_entered_by_half_a_segment(spec_of: SpecOf, path: str) -> None:
    assert sent(Router(spec_of(ROUTES)), path) is None


@given(st.lists(st.sampled_from(["/", "api", "..", ".", "%2e", "a", "//", "%2f", ";"]), max_size=8).map("".join))
def test_no_rewriting_builds_what_a_client_could_not_ask_for(tail: str) -> None:
    try:
        path = normalise(f"/api{tail}")
    except Refused:
        return
    request = Request("GET", "casino.example", path, "", [], "")

    target = Rewrite(RewriteSpec(strip_prefix="/api")).target(request, {}).decode()

    assert normalise(target) == target


def test_the_host_is_rewritten_only_when_told_so() -> None:
    assert Rewrite(RewriteSpec(host="cards.internal:81")).host == b"cards.internal:81"
    assert Rewrite(RewriteSpec()).host is None


def sent(router: Router, target: str) -> bytes | None:
    path, _, query = target.partition("?")
    request = Request("GET", "casino.example", normalise(path), query, [], "")
    found = router.find(request)
    return found.plan.rewrite.target(request, found.fields) if isinstance(found, Found) else None
