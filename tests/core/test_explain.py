from collections.abc import Callable

from gateway.core.explain import Considered, Verdict, explain
from gateway.core.request import Request
from gateway.core.route import Router
from gateway.spec.model import Spec

Ask = Callable[..., Request]
SpecOf = Callable[[str], Spec]


def test_each_route_with_the_path_is_judged_in_the_order_of_trying(spec_of: SpecOf, ask: Ask) -> None:
    router = Router(
        spec_of("""
        all: {match: /**, to: dice}
        other: {match: /other/**, to: dice}
        roll: {match: "GET,POST shop.example/roll/{sides}", to: dice}
        beta: {match: {path: /roll/6, when: {header: {X-Beta: "1"}}}, to: dice}
        put: {match: PUT /roll/6, to: dice}
        """)
    )

    assert explain(router, ask("GET shop.example/roll/6")) == [
        Considered("roll", "GET,HEAD,POST shop.example/roll/{sides}", Verdict.TAKEN),
        Considered("put", "PUT /roll/6", Verdict.METHOD),
        Considered("beta", "/roll/6 and header x-beta is `1`", Verdict.CONDITION),
        Considered("all", "/**", Verdict.LESS_SPECIFIC),
    ]


def test_without_a_path_nothing_is_considered(spec_of: SpecOf, ask: Ask) -> None:
    assert explain(Router(spec_of("roll: {match: /roll, to: dice}")), ask("GET /cards")) == []
