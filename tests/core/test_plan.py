from collections.abc import Callable

import pytest

from gateway.core.plan import Plan, StaticAnswer
from gateway.spec.model import Spec

SpecOf = Callable[[str], Spec]


def test_a_plan_takes_what_its_route_leaves_open_from_bounds_and_upstream(spec_of: SpecOf) -> None:
    spec = spec_of("roll: {match: /roll, to: dice}")
    plan = Plan("roll", spec)

    assert plan.body_bytes == spec.bounds.body_bytes
    assert plan.total_timeout_seconds == spec.upstreams["dice"].timeouts.total_seconds
    assert (plan.upstream_name, plan.upstream, plan.answer) == ("dice", spec.upstreams["dice"], None)
    assert plan.upgrades == frozenset()


def test_a_route_s_own_limits_come_first(spec_of: SpecOf) -> None:
    plan = Plan("roll", spec_of("roll: {match: /roll, to: dice, body: 0, timeout: 2s, upgrades: [websocket]}"))

    assert (plan.body_bytes, plan.total_timeout_seconds, plan.upgrades) == (0, 2, {b"websocket"})


@pytest.mark.parametrize(
    ("answer", "rendered"),
    [
        pytest.param("{status: 404}", StaticAnswer(404, [], b"", maintenance=False), id="a status alone"),
        pytest.param(
            "{status: 503, body: Späti zu, headers: {Retry-After: 60}, maintenance: true}",
            StaticAnswer(
                503,
                [(b"retry-after", b"60"), (b"content-type", b"text/plain; charset=utf-8")],
                "Späti zu".encode(),
                maintenance=True,
            ),
            id="a text has a type",
        ),
        pytest.param(
            "{status: 200, body: '{}', headers: {Content-Type: application/json}}",
            StaticAnswer(200, [(b"content-type", b"application/json")], b"{}", maintenance=False),
            id="a type of its own",
        ),
    ],
)
def test_a_fixed_answer_is_ready_to_send(spec_of: SpecOf, answer: str, rendered: StaticAnswer) -> None:
    plan = Plan("closed", spec_of(f"closed: {{match: /admin/**, answer: {answer}}}"))

    assert plan.answer == rendered
    assert (plan.upstream, plan.split, plan.total_timeout_seconds) == (None, None, None)
