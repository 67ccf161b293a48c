import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.failure import Failure
from gateway.core.retry import REASONS, Budget, may_retry
from gateway.spec.upstream import Retry

ALL = Retry(attempts=2, on=("connect", "reset", "timeout", "502", "503", "504"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
@pytest.mark.parametrize("reason", ["connect", "reset", "timeout", "502", "503", "504"])
def test_what_is_idempotent_may_be_retried_for_every_reason_named(method: str, reason: str) -> None:
    assert may_retry(ALL, method, reason, tries=1, body_kept=True)


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
@pytest.mark.parametrize(
    ("reason", "allowed"), [("connect", True), ("reset", False), ("timeout", False), ("503", False)]
)
def test_what_is_not_idempotent_may_be_retried_only_if_it_was_never_sent(
    method: str, reason: str, allowed: bool
) -> None:
    assert may_retry(ALL, method, reason, tries=1, body_kept=True) is allowed


@pytest.mark.parametrize(
    ("retry", "reason", "tries", "body_kept", "allowed"),
    [
        pytest.param(ALL, "reset", 2, True, True, id="the last attempt"),
        pytest.param(ALL, "reset", 3, True, False, id="no attempt left"),
        pytest.param(Retry(attempts=0), "connect", 1, True, False, id="no attempts at all"),
        pytest.param(Retry(), "timeout", 1, True, False, id="a reason not named"),
        pytest.param(Retry(), "connect", 1, False, False, id="a body that was not kept"),
    ],
)
def test_attempts_reason_and_body_limit_retries(
    retry: Retry, reason: str, tries: int, body_kept: bool, allowed: bool
) -> None:
    assert may_retry(retry, "GET", reason, tries=tries, body_kept=body_kept) is allowed


def test_unsafe_methods_are_retried_only_when_the_spec_says_so() -> None:
    assert may_retry(Retry(unsafe=True), "POST", "reset", tries=1, body_kept=True)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure.CONNECT_REFUSED, "connect"),
        (Failure.CONNECT_TIMEOUT, "connect"),
        (Failure.UPSTREAM_RESET, "reset"),
        (Failure.FIRST_BYTE_TIMEOUT, "timeout"),
        (Failure.UPSTREAM_PROTOCOL, None),
        (Failure.POOL_FULL, None),
        (Failure.TOTAL_TIMEOUT, None),
    ],
)
def test_a_failure_has_a_reason_only_where_another_target_may_do_better(failure: Failure, reason: str | None) -> None:
    assert REASONS.get(failure) == reason


def test_at_least_three_retries_a_second_are_allowed_however_few_the_requests() -> None:
    budget = Budget(0.2, workers=1)

    assert sum(budget.take(100.0) for _ in range(100)) == 30


def test_workers_share_the_least_allowance() -> None:
    budget = Budget(0.2, workers=4)

    assert sum(budget.take(100.0) for _ in range(100)) == 7


def test_under_load_retries_are_a_share_of_the_requests() -> None:
    budget = Budget(0.2, workers=1)
    for _ in range(1_000):
        budget.count(100.0)

    assert sum(budget.take(100.5) for _ in range(1_000)) == 200


def test_what_is_older_than_ten_seconds_is_forgotten() -> None:
    budget = Budget(0.2, workers=1)
    for _ in range(1_000):
        budget.count(100.0)
    for _ in range(30):
        budget.take(100.0)

    assert sum(budget.take(109.9) for _ in range(1_000)) == 170
    assert sum(budget.take(110.0) for _ in range(1_000)) == 0
    assert sum(budget.take(119.9) for _ in range(1_000)) == 30
    assert sum(budget.take(500.0) for _ in range(1_000)) == 30


@given(
    st.lists(st.tuples(st.floats(min_value=0, max_value=3), st.booleans()), max_size=300),
    st.floats(min_value=0, max_value=1),
)
def test_retries_never_pass_their_share_in_any_window(steps: list[tuple[float, bool]], ratio: float) -> None:
    budget, now = Budget(ratio, workers=1), 0.0
    requests: list[int] = []
    retries: list[int] = []
    for step, wants_retry in steps:
        now += step
        window = range(int(now) - 9, int(now) + 1)
        if not wants_retry:
            budget.count(now)
            requests.append(int(now))
        elif budget.take(now):
            retries.append(int(now))
            seen = sum(second in window for second in requests)
            assert sum(second in window for second in retries) <= max(30, ratio * seen)
