"""What one gateway's control process tells the store and what its workers learn of others, on the real stores."""

import asyncio
import logging
import time
from contextlib import ExitStack

import pytest

from gateway.control import sharing
from gateway.control.sharing import Sharing
from gateway.core.limit import SECOND_NS, all_rules
from gateway.core.period import period_of
from gateway.spec.load import load
from gateway.store.debits import Debit, write_debit
from gateway.store.limits import LimitTable
from gateway.store.slot import Slot
from tests.store.servers import RedisServer, SqliteFile
from tests.waiting import until

RATE = 1
SPEC = """
casino: 1
store: {{url: "{url}", sync: 20ms, timeout: {timeout}}}
limits:
  fair: {{rate: {rate}/s, burst: 50, by: address}}
  daily: {{quota: {quota}, by: address}}
routes:
  roll: {{match: GET /roll, answer: {{status: 204}}}}
"""


class Gateway:
    """One worker's memory, and the control process that looks at it. The test plays the worker."""

    def __init__(self, place, runner, url, **settings):
        self.place = place
        self.runner = runner
        self.url = url
        self.configure(**settings)
        place.mkdir()
        self.slot = Slot.create(place / "worker-1.slot", series=100, debits_bytes=1 << 20)
        self.control = Slot.create(place / "control.slot", series=400)
        LimitTable.create(place / "limits", workers=1)
        self.rates = LimitTable.open(place / "limits").rates(1)
        self.sharing = self.start()

    def configure(self, url=None, rate=RATE, quota=10, timeout="20s"):
        path = self.place.with_suffix(".yaml")
        path.write_text(SPEC.format(url=url or self.url, rate=rate, quota=quota, timeout=timeout))
        self.spec = load(path).spec
        self.rules = {rule.name: rule for rule in all_rules(self.spec).values()}

    def start(self):
        """Begin a control process, as a successor if there was one."""
        table = LimitTable.open(self.place / "limits")
        return Sharing([self.slot.path], table, self.control.tally, lambda: self.spec)

    def bucket(self, limit, key):
        rule = self.rules[limit]
        return self.rates.bucket(rule.identity, key, rule.period_ns)

    def use(self, limit, count, key="@192.0.2.1"):
        """Let requests through as a worker does."""
        rule, bucket = self.rules[limit], self.bucket(limit, key)
        now_ns = time.monotonic_ns()
        if rule.is_rate:
            self.rates.read(bucket)
            self.rates.take(bucket, now_ns, count)
        assert self.slot.debits.put(write_debit(Debit(rule.identity, key, bucket.fingerprint, count)))

    def holds(self, limit="fair", key="@192.0.2.1"):
        """How many requests a bucket holds."""
        rule = self.rules[limit]
        return (self.rates.read(self.bucket(limit, key)) - time.monotonic_ns()) / rule.period_ns

    def blocked_seconds(self, key="@192.0.2.1"):
        """How long a quota is used up from now."""
        return max(0, self.rates.read(self.bucket("daily", key)) - time.monotonic_ns()) / SECOND_NS

    def turn(self):
        return self.runner.run(self.sharing.turn())

    def close(self):
        self.runner.run(self.sharing.stop())


@pytest.fixture
def ends():
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=[RedisServer, SqliteFile], ids=["redis", "sqlite"])
def site(request, tmp_path, ends):
    place = request.param(tmp_path)
    ends.callback(place.end)
    return place


@pytest.fixture
def begin(tmp_path, ends, site):
    """Start gateways that share the store."""
    runner = ends.enter_context(asyncio.Runner())
    url = site.url if site.kind == "redis" else f"sqlite:{site.path}"
    begun = []

    def gateway(**settings):
        begun.append(Gateway(tmp_path / f"gateway-{len(begun)}", runner, url, **settings))
        ends.callback(begun[-1].close)
        return begun[-1]

    return gateway


@pytest.fixture
def one(begin):
    return begin()


@pytest.fixture
def other(begin):
    return begin()


def about(count):
    return pytest.approx(count, abs=RATE * 3)  # what the bucket refills in a slow moment of this machine


def test_what_one_gateway_let_through_fills_the_bucket_of_another(one, other):
    one.use("fair", 40)
    one.turn()
    other.use("fair", 1)
    other.turn()
    assert other.holds() == about(41)


def test_a_bucket_of_another_key_is_left_alone(one, other):
    one.use("fair", 40)
    one.turn()
    other.use("fair", 1, key="@192.0.2.2")
    other.turn()
    assert other.holds(key="@192.0.2.2") <= 1


def test_a_gateway_alone_is_never_told_more_than_it_used(one):
    for count in (30, 5, 1, 1, 12):
        one.use("fair", count)
        before = one.holds()
        one.turn()
        assert one.holds() <= before


def test_what_is_not_told_yet_comes_on_top_of_what_others_used(one, other, site):
    one.use("fair", 20)
    one.turn()
    other.use("fair", 5)

    async def use_more_meanwhile():
        site.pause()
        exchange = asyncio.create_task(other.sharing.turn())
        await asyncio.sleep(0)
        other.use("fair", 10)
        site.resume()
        await exchange

    other.runner.run(use_more_meanwhile())
    assert other.holds() == about(35)


def test_a_quota_used_up_by_all_together_is_blocked_until_its_period_ends(one, other):
    one.use("daily", 6)
    one.turn()
    assert one.blocked_seconds() == 0
    other.use("daily", 4)
    other.turn()
    left_seconds = period_of(time.time(), "day").ends - time.time()
    assert other.blocked_seconds() == pytest.approx(left_seconds, abs=5)
    one.use("daily", 1)
    one.turn()
    assert one.blocked_seconds() > 0
    assert one.blocked_seconds("@192.0.2.2") == 0


def test_a_quota_that_is_raised_is_unblocked(one):
    one.use("daily", 10)
    one.turn()
    assert one.blocked_seconds() > 0
    one.configure(quota=20)
    one.turn()
    assert one.blocked_seconds() == 0


def test_so_many_quotas_are_looked_at_again_and_others_stay_blocked(one, monkeypatch):
    monkeypatch.setattr(sharing, "MOST_KEYS", 2)
    keys = [f"@192.0.2.{number}" for number in range(3)]
    for key in keys:
        one.use("daily", 10, key=key)
        one.turn()
    assert all(one.blocked_seconds(key) for key in keys)
    one.configure(quota=20)
    one.turn()
    assert sorted(bool(one.blocked_seconds(key)) for key in keys) == [False, False, True]


def test_a_quota_whose_counter_was_cleared_is_unblocked(one, site):
    one.use("daily", 10)
    one.turn()
    site.clear()
    assert until(lambda: one.turn() and one.blocked_seconds() == 0)


def test_quotas_are_unblocked_when_the_store_leaves_the_spec(one):
    one.use("daily", 10)
    one.turn()
    path = one.place.with_suffix(".yaml")
    path.write_text("casino: 1\n")
    one.spec = load(path).spec
    one.turn()
    assert one.blocked_seconds() == 0
    assert one.sharing.up is None


def test_an_outage_is_counted_and_what_was_used_meanwhile_is_told_once_it_is_over(one, site, caplog):
    lose_patience(one)
    caplog.clear()
    site.pause()
    with caplog.at_level(logging.INFO, "casino.control"):
        for _ in range(3):
            one.use("daily", 2)
            one.turn()
        assert one.sharing.up is False
        assert one.sharing.unsent_requests > 0
        site.resume()
        until(lambda: one.turn() >= 0 and one.sharing.up)
    assert [record.message for record in caplog.records] == ["store_lost", "store_back"]
    until(lambda: one.turn() >= 0 and not one.sharing.unsent_requests)
    one.use("daily", 3)
    one.turn()
    assert one.blocked_seconds() == 0, "nine of ten: nothing counted twice"
    one.use("daily", 1)
    one.turn()
    assert one.blocked_seconds() > 0, "ten of ten: nothing forgotten"


def lose_patience(gateway):
    """Give the store little time from now on, and have been answered by it."""
    gateway.configure(timeout="300ms")
    until(lambda: gateway.turn() >= 0 and gateway.sharing.up)


def test_an_outage_is_seen_while_nobody_calls(one, site):
    lose_patience(one)
    site.pause()
    until(lambda: one.turn() >= 0 and one.sharing.up is False)
    assert one.sharing.unsent_requests == 0, "nobody has called"
    site.resume()
    until(lambda: one.turn() >= 0 and one.sharing.up)


def test_pauses_grow_while_the_store_is_away_and_shrink_with_its_return(one, site):
    lose_patience(one)
    site.pause()

    def is_patient():
        one.use("daily", 1, key="@192.0.2.2")
        return one.turn() > 0.02

    until(is_patient)
    site.resume()
    until(lambda: one.turn() >= 0 and one.sharing.up)
    assert one.turn() <= 0.02


def test_a_control_process_killed_in_an_outage_leaves_what_workers_told_to_its_successor(one, site):
    lose_patience(one)
    site.pause()
    one.use("daily", 1, key="@192.0.2.2")
    one.turn()
    assert one.sharing.up is False
    one.use("daily", 10)
    one.turn()
    one.runner.run(one.sharing._store.close())  # killed: nothing else is done
    site.resume()
    one.sharing = one.start()
    until(lambda: one.turn() >= 0 and one.blocked_seconds() > 0)


def test_what_is_left_is_told_before_the_end(one, other):
    one.turn()
    one.use("daily", 9, key="@192.0.2.2")
    one.close()
    other.use("daily", 1, key="@192.0.2.2")
    other.turn()
    assert other.blocked_seconds("@192.0.2.2") > 0


def test_another_store_is_taken_up_when_the_spec_names_one(one, tmp_path):
    one.use("daily", 10)
    one.turn()
    one.configure(url=f"sqlite:{tmp_path / 'another.db'}")
    one.use("daily", 1, key="@192.0.2.9")
    one.turn()
    assert (tmp_path / "another.db").exists()
    assert one.sharing.up
