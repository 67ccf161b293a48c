import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.core.breaker import Breaker as State
from gateway.core.breaker import Probes
from gateway.core.breaker import State as Phase
from gateway.core.ejection import Outcomes
from gateway.core.judge import Address, Judgement, TargetFacts, VersionFacts, resume, step, verdict
from gateway.core.snapshot import Endpoint
from gateway.spec.upstream import Breaker, Ejection, Target, Upstream, Version

A, B = "http://a:80", "http://b:80"
ONE, TWO, THREE = Address("10.0.0.1", 80), Address("10.0.0.2", 80), Address("10.0.0.3", 80)
VERSIONS = {"v1": Version(targets=(Target(url=A), Target(url=B)))}
SILENT = Outcomes()
PLAIN = Upstream(versions=VERSIONS)
STRICT = Upstream(
    versions=VERSIONS,
    ejection=Ejection(requests=10, eject_seconds=10),
    breaker=Breaker(requests=100, open_seconds=5, probes=2),
    slow_start_seconds=10,
)


def facts(
    a: Outcomes = SILENT, *, down: tuple[Address, ...] = (), addresses: tuple[Address, ...] = (ONE, TWO)
) -> VersionFacts:
    return VersionFacts(
        {
            A: TargetFacts(weight=3, addresses=addresses, down=frozenset(down), outcomes=a),
            B: TargetFacts(weight=1, addresses=(THREE,)),
        },
        workers=(1, 2),
    )


def published(seen: VersionFacts, policy: Upstream = PLAIN) -> tuple[Endpoint, ...]:
    return verdict(step(Judgement(), seen, policy, 0), seen, policy, 0).endpoints


def test_a_target_shares_its_weight_among_its_addresses() -> None:
    assert [(one.host, one.weight, one.up) for one in published(facts())] == [
        ("10.0.0.1", 1.5, True),
        ("10.0.0.2", 1.5, True),
        ("10.0.0.3", 1, True),
    ]


def test_an_address_that_is_down_keeps_its_weight_for_the_case_that_nothing_is_up() -> None:
    assert [(one.weight, one.up) for one in published(facts(down=(ONE,)))] == [(1.5, False), (1.5, True), (1, True)]


@pytest.mark.parametrize(
    ("down", "weights"),
    [
        pytest.param((), [3, 0], id="the lower number serves"),
        pytest.param((Address("10.0.0.1", 80, priority=10),), [0, 3], id="the next one when it is down"),
        pytest.param(
            (Address("10.0.0.1", 80, priority=10), Address("10.0.0.2", 80, priority=20)),
            [3, 0],
            id="the lower number again when all are down",
        ),
    ],
)
def test_addresses_of_a_worse_priority_wait(down: tuple[Address, ...], weights: list[float]) -> None:
    pair = (Address("10.0.0.1", 80, priority=10), Address("10.0.0.2", 80, priority=20))
    assert [one.weight for one in published(facts(addresses=pair, down=down))[:2]] == weights


def test_addresses_of_one_priority_share_by_their_own_weights() -> None:
    pair = (Address("10.0.0.1", 80, weight=2), Address("10.0.0.2", 80, weight=1))
    assert [one.weight for one in published(facts(addresses=pair))[:2]] == [2, 1]


def test_a_target_whose_name_is_not_resolved_has_no_endpoint() -> None:
    assert [one.target for one in published(facts(addresses=()), STRICT)] == [B]


def test_an_ejected_target_comes_back_slowly() -> None:
    judgement = step(Judgement(), facts(Outcomes(0, 10)), STRICT, 0)
    assert [(one.up, one.ejected) for one in verdict(judgement, facts(), STRICT, 0).endpoints] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    shares = []
    for now in (10, 15, 20):
        judgement = step(judgement, facts(), STRICT, now)
        shares.append(verdict(judgement, facts(), STRICT, now).endpoints[0].weight / 1.5)
    assert shares == pytest.approx([0.1, 0.55, 1])


def test_a_breaker_that_opened_hands_out_probes_and_closes() -> None:
    judgement = step(Judgement(), facts(Outcomes(0, 100)), STRICT, 0)
    assert verdict(judgement, facts(), STRICT, 0).breaker == "open"
    judgement = step(judgement, facts(), STRICT, 5)
    state = verdict(judgement, facts(), STRICT, 5)
    assert (state.breaker, [state.allowance(worker) for worker in (1, 2, 3)]) == ("half_open", [1, 1, 0])
    succeeded = VersionFacts(facts().targets, probes=Probes(2, 2), workers=(1, 2))
    assert verdict(step(judgement, succeeded, STRICT, 5.1), facts(), STRICT, 5.1).breaker == "closed"


@pytest.mark.parametrize(("answer_seconds", "state"), [(0, "open"), (600, "half_open")])
def test_a_probe_may_take_as_long_as_the_most_patient_route(answer_seconds: float, state: str) -> None:
    half_open = Judgement(breaker=State(state=Phase.HALF_OPEN, deal=1, allowances=(1, 1)))
    started = replace(facts(), probes=Probes(started=2), answer_seconds=answer_seconds)
    late = STRICT.timeouts.total_seconds + 1
    assert verdict(step(half_open, started, STRICT, late), started, STRICT, late).breaker == state


def test_policies_taken_out_of_the_spec_let_everything_in_again() -> None:
    judgement = step(Judgement(), facts(Outcomes(0, 100)), STRICT, 0)
    state = verdict(step(judgement, facts(), PLAIN, 1), facts(), PLAIN, 1)
    assert state.breaker == "closed"
    assert all(one.up for one in state.endpoints)


@given(st.lists(st.tuples(st.floats(0, 8), st.integers(0, 60), st.integers(0, 60), st.booleans()), max_size=15))
def test_a_restarted_control_process_publishes_what_the_last_one_did(ticks: list[tuple[float, int, int, bool]]) -> None:
    judgement, now, seen = Judgement(), 0.0, facts()
    for gap, successes, failures, down in ticks:
        now += gap
        seen = facts(Outcomes(successes, failures), down=(ONE,) if down else ())
        judgement = step(judgement, seen, STRICT, now)
    before = verdict(judgement, seen, STRICT, now)
    later = now + 1000
    after = verdict(resume(before, seen, STRICT, later), seen, STRICT, later + 1e-6)
    assert [(one.up, one.ejected) for one in after.endpoints] == [(one.up, one.ejected) for one in before.endpoints]
    assert [one.weight for one in after.endpoints] == pytest.approx([one.weight for one in before.endpoints])
    assert (after.breaker == "closed") == (before.breaker == "closed")
    assert after.deal == before.deal
