import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.core.breaker import PATIENCE_SECONDS, Breaker, Facts, Probes, State, spread, step
from gateway.spec.upstream import Breaker as Policy

POLICY = Policy(failures_ratio=0.5, requests=20, window_seconds=10, open_seconds=5, probes=3)
ANSWER_SECONDS = 60
CLOSED = Breaker()
OPEN = Breaker(state=State.OPEN, since=100)
DEALT = Breaker(state=State.HALF_OPEN, since=100, deal=1, allowances=(2, 1))
SPENT = replace(DEALT, probes=Probes(started=3))


def after(breaker: Breaker, facts: Facts, now: float) -> State:
    return step(breaker, facts, POLICY, now, answer_seconds=ANSWER_SECONDS).state


@pytest.mark.parametrize(
    ("breaker", "facts", "now", "state"),
    [
        pytest.param(CLOSED, Facts(10, 10), 100, State.OPEN, id="closed: the share of failures opens"),
        pytest.param(CLOSED, Facts(11, 9), 100, State.CLOSED, id="closed: a smaller share does not"),
        pytest.param(CLOSED, Facts(0, 19), 100, State.CLOSED, id="closed: too few requests to judge"),
        pytest.param(OPEN, Facts(workers=(1,)), 104.9, State.OPEN, id="open: not yet time"),
        pytest.param(OPEN, Facts(workers=(1,)), 105, State.HALF_OPEN, id="open: time to probe"),
        pytest.param(OPEN, Facts(), 999, State.OPEN, id="open: nobody to probe with"),
        pytest.param(OPEN, Facts(50, 0, workers=(1,)), 101, State.OPEN, id="open: late successes change nothing"),
        pytest.param(DEALT, Facts(50, 0), 100.1, State.HALF_OPEN, id="half open: late successes change nothing"),
        pytest.param(DEALT, Facts(0, 50), 100.1, State.HALF_OPEN, id="half open: late failures change nothing"),
        pytest.param(DEALT, Facts(probes=Probes(3, 2)), 100.1, State.HALF_OPEN, id="half open: one is not answered"),
        pytest.param(DEALT, Facts(probes=Probes(3, 3)), 100.1, State.CLOSED, id="half open: all succeeded"),
        pytest.param(DEALT, Facts(probes=Probes(3, 2, 1)), 100.1, State.OPEN, id="half open: one failed"),
        pytest.param(SPENT, Facts(), 159, State.HALF_OPEN, id="half open: answers may take their time"),
        pytest.param(SPENT, Facts(), 161, State.OPEN, id="half open: no answer is a failure"),
    ],
)
def test_transitions(breaker: Breaker, facts: Facts, now: float, state: State) -> None:
    assert after(breaker, facts, now) is state


def test_a_breaker_that_closes_has_forgotten_the_failures_that_opened_it() -> None:
    closed = step(DEALT, Facts(probes=Probes(3, 3)), POLICY, 100.1, answer_seconds=ANSWER_SECONDS)
    assert closed.window.requests == 0


def test_unused_probes_are_recalled_and_dealt_anew_only_when_every_worker_has_read_the_recall() -> None:
    seen = Facts(probes=Probes(1, 1), workers=(1, 2))
    recalled = step(DEALT, seen, POLICY, 100.1 + PATIENCE_SECONDS, answer_seconds=ANSWER_SECONDS)
    assert (recalled.deal, recalled.allowances) == (2, ())
    unread = Facts(workers=(1, 2), read=False)
    assert step(recalled, unread, POLICY, 200, answer_seconds=ANSWER_SECONDS) == recalled
    dealt = step(recalled, Facts(workers=(1, 2)), POLICY, 101, answer_seconds=ANSWER_SECONDS)
    assert (dealt.deal, sum(dealt.allowances)) == (3, 2)


def test_a_probe_its_client_gave_up_is_let_through_again() -> None:
    given_up = Facts(probes=Probes(started=3, successes=2, canceled=1), workers=(1, 2))
    recalled = step(DEALT, given_up, POLICY, 101, answer_seconds=ANSWER_SECONDS)
    dealt = step(recalled, Facts(workers=(1, 2)), POLICY, 101.1, answer_seconds=ANSWER_SECONDS)
    assert sum(dealt.allowances) == 1


@given(st.integers(0, 50), st.sets(st.integers(1, 30), min_size=1), st.integers(0, 1_000))
def test_probes_are_spread_whole_and_evenly_over_the_workers_that_live(
    probes: int, workers: set[int], first: int
) -> None:
    allowances = spread(probes, tuple(sorted(workers)), first=first)
    assert sum(allowances) == probes
    mine = [allowances[worker - 1] for worker in workers]
    assert max(mine) - min(mine) <= 1


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5])
def test_a_last_probe_comes_to_every_worker_in_turn(workers: int) -> None:
    everybody = tuple(range(1, workers + 1))
    breaker, now, offered = OPEN, 105.0, set()
    for _ in range(2 * workers + 2):
        seen = Facts(probes=Probes(2, 2) if breaker.deal == 1 else Probes(), workers=everybody)
        breaker = step(breaker, seen, POLICY, now, answer_seconds=ANSWER_SECONDS)
        now += 2 * PATIENCE_SECONDS
        if breaker.deal > 1:
            offered |= {number for number, allowance in zip(everybody, breaker.allowances, strict=False) if allowance}
    assert offered == set(everybody)


class Worker:
    """Reads deals late, lets probes through, answers them later."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = CLOSED
        self.deal = self.left = 0
        self.under_way = 0

    def call(self) -> bool:
        if self.seen.deal != self.deal:
            allowances = self.seen.allowances
            self.deal, self.left = self.seen.deal, dict(enumerate(allowances, 1)).get(self.number, 0)
        passed = self.seen.state is State.HALF_OPEN and self.left > 0
        self.left -= passed
        self.under_way += passed
        return passed


actions = st.one_of(
    st.tuples(st.just("call"), st.integers(0, 2)),
    st.tuples(st.just("read"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["success", "failure", "canceled"]), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.integers(1, 20)),
)


@given(policy=st.builds(Policy, probes=st.integers(1, 7)), script=st.lists(actions, max_size=120))
def test_it_closes_only_after_all_probes_succeeded_and_never_lets_more_through(
    policy: Policy, script: list[tuple[str, int]]
) -> None:
    workers = [Worker(number) for number in (1, 2, 3)]
    breaker, now, started, canceled, succeeded = OPEN, 105.0, 0, 0, 0
    for action, argument in script:
        news = Probes()
        if action == "wait":
            now += argument / 10
        elif action == "read":
            workers[argument].seen = breaker
        elif action == "call":
            news = Probes(started=int(workers[argument].call()))
        elif workers[argument].under_way:
            workers[argument].under_way -= 1
            news = Probes(successes=action == "success", failures=action == "failure", canceled=action == "canceled")
        started, canceled, succeeded = started + news.started, canceled + news.canceled, succeeded + news.successes
        read = all(worker.seen.deal == breaker.deal for worker in workers)
        before = breaker
        breaker = step(breaker, Facts(0, 0, news, (1, 2, 3), read), policy, now, answer_seconds=ANSWER_SECONDS)
        assert started - canceled <= policy.probes
        if before.state is State.HALF_OPEN and breaker.state is not State.HALF_OPEN:
            assert breaker.state is (State.CLOSED if succeeded == policy.probes else State.OPEN)
            return
