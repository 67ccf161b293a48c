import pytest

from gateway.control import unsent
from gateway.control.unsent import LATE_SECONDS, OVERSHOOT_SECONDS, Unsent
from gateway.core.limit import Rule
from gateway.spec.limit import Limit
from gateway.store.debits import Debit

FAIR = Rule("limits", "fair", Limit(rate_per_second=10.0, burst=20), is_fleet=True)
DAILY = Rule("limits", "daily", Limit(quota=100), is_fleet=True)
MONTHLY = Rule("limits", "monthly", Limit(quota=100, period="month"), is_fleet=True)
RULES = {rule.identity: rule for rule in (FAIR, DAILY, MONTHLY)}
NOVEMBER_22 = 1_795_305_600.0
DAY_SECONDS = 86_400


@pytest.fixture
def sums():
    return Unsent()


def debit(rule, key="alice", count=1):
    return Debit(rule.identity, key, hash(key) & 0xFFFF, count)


def add(sums, *debits, since=0.0, unix_seconds=NOVEMBER_22):
    sums.add(debits, RULES, since, unix_seconds)


def batch(sums, *, now=0.1, unix_seconds=NOVEMBER_22):
    return sums.take(1).batch("session", now, unix_seconds)


def test_debits_of_one_key_are_one_charge(sums):
    add(sums, debit(FAIR, count=3), debit(FAIR, count=4), debit(FAIR, "bob"))
    charges = batch(sums).charges
    assert [charge.bucket for charge in charges] == [f"{FAIR.identity}:alice", f"{FAIR.identity}:bob"]
    assert [charge.cost_seconds for charge in charges] == pytest.approx([0.7, 0.1])


def test_a_charge_is_as_old_as_its_first_request_may_be(sums):
    add(sums, debit(FAIR), since=5.0)
    add(sums, debit(FAIR), since=5.1)
    assert batch(sums, now=5.2).charges[0].age_seconds == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("age_seconds", "beyond_seconds"),
    [
        pytest.param(LATE_SECONDS / 2, OVERSHOOT_SECONDS, id="told in time"),
        pytest.param(LATE_SECONDS * 2, 0, id="told after an outage"),
    ],
)
def test_a_bucket_owes_what_it_holds_and_some_overshoot_unless_it_is_told_late(sums, age_seconds, beyond_seconds):
    add(sums, debit(FAIR))
    assert batch(sums, now=age_seconds).charges[0].ceiling_seconds == pytest.approx(2 + beyond_seconds)


def test_each_period_has_a_counter_of_its_own(sums):
    add(sums, debit(DAILY), debit(MONTHLY))
    add(sums, debit(DAILY), debit(MONTHLY), unix_seconds=NOVEMBER_22 + DAY_SECONDS)
    uses = {use.counter: use.amount for use in batch(sums).uses}
    assert uses == {
        f"{DAILY.identity}:2026-11-22:alice": 1,
        f"{DAILY.identity}:2026-11-23:alice": 1,
        f"{MONTHLY.identity}:2026-11:alice": 2,
    }


def test_a_counter_is_kept_beyond_the_end_of_its_period(sums):
    add(sums, debit(DAILY))
    (use,) = batch(sums, unix_seconds=NOVEMBER_22 + 10).uses
    assert use.lasts_seconds == DAY_SECONDS - 10 + unsent.KEPT_SECONDS


def test_what_is_taken_waits_no_longer(sums):
    add(sums, debit(FAIR, count=3), debit(DAILY, count=2))
    assert (sums.requests, sums.waiting(FAIR, "alice")) == (5, 3)
    assert sums.take(1).requests == 5
    assert (sums.requests, sums.waiting(FAIR, "alice"), bool(sums)) == (0, 0, False)


def test_a_batch_is_bounded_and_takes_quotas_first(sums, monkeypatch):
    monkeypatch.setattr(unsent, "MOST_TOLD", 3)
    add(sums, *(debit(FAIR, str(number)) for number in range(4)), debit(DAILY), debit(DAILY, "bob"))
    first = batch(sums)
    assert (len(first.uses), len(first.charges)) == (2, 1)
    assert [len(batch(sums).charges) for _ in range(2)] == [3, 0]


def test_beyond_the_bound_rates_are_given_up_before_quotas(sums, monkeypatch):
    monkeypatch.setattr(unsent, "MOST_KEYS", 2)
    add(sums, debit(FAIR, "1", 5), debit(FAIR, "2", 7), debit(FAIR, "3", 11))
    assert sums.dropped == 11
    add(sums, debit(DAILY, "1"), debit(DAILY, "2"))
    assert sums.dropped == 5 + 7 + 11
    add(sums, debit(DAILY, "3", 13), debit(DAILY, "1", 1))
    assert sums.dropped == 5 + 7 + 11 + 13
    assert [use.amount for use in batch(sums).uses] == [2, 1]


def test_what_a_limit_let_through_that_left_the_spec_is_of_no_use(sums):
    sums.add([debit(FAIR)], {}, 0.0, NOVEMBER_22)
    assert not sums
    assert sums.dropped == 0
