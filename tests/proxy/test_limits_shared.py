"""What a worker tells control, and what control tells it: quotas, and what other gateways used."""

import time
from collections import Counter

import pytest

from exporters.catalog.gateway import DEBITS_DROPPED
from gateway.core.limit import all_rules
from gateway.spec.load import load
from gateway.store.debits import read_debits
from gateway.store.limits import LimitTable
from gateway.store.slot import Slot
from tests.proxy.data_plane import TRUSTED
from tests.proxy.limited import SLOW, exhaust, get, statuses
from tests.waiting import until

STORE = "store: {url: sqlite:/tmp/unused.db}"
FLEET = "store: {url: redis://127.0.0.1:1}"


@pytest.fixture
def control(gateway):
    return LimitTable.open(gateway.build.limits).rates(0)


@pytest.fixture
def debits(gateway):
    """Take what the worker tells control."""

    def take():
        ring = Slot.open(gateway.worker.path, writable=True).debits
        taken = ring.peek(1 << 16)
        ring.advance(len(taken))
        return read_debits(taken)

    take()
    return take


def told(debits, count):
    """Wait until so many requests have been told, and return each bucket once."""
    found = []
    until(lambda: found.extend(debits()) or sum(debit.count for debit in found) >= count)
    assert sum(debit.count for debit in found) == count
    return {(debit.limit, debit.key, debit.fingerprint) for debit in found}


def test_control_is_told_of_every_request_a_quota_counts(limited, connect, debits, gateway, limit_name):
    limited("quota: 1000, by: address", top=STORE)
    clients = [connect(), connect(source="127.0.0.9")]
    for client in clients * 3:
        assert client.ask(get()).status == 200
    limit, key, _ = zip(*told(debits, 6), strict=True)
    assert set(limit) == {f"routes/here/limits/{limit_name}:quota:day:address"}
    assert set(key) == {"@127.0.0.1", "@127.0.0.9"}
    assert set(limit) <= all_rules(load(gateway.spec_path).spec).keys()


def test_a_quota_that_is_used_up_refuses_until_the_period_ends(limited, client, control, debits, limit_name):
    limited("quota: 1000", top=STORE)
    assert client.ask(get()).one(b"ratelimit") is None
    [(_, _, fingerprint)] = told(debits, 1)
    bucket = control.named(fingerprint, 0)
    ends_ns = time.monotonic_ns() + 30 * 10**9
    control.block(bucket, time.monotonic_ns(), ends_ns)
    refused = client.ask(get())
    assert (refused.status, refused.failure) == (429, "quota_exceeded")
    wait_seconds = int(refused.one(b"retry-after"))
    assert (ends_ns - time.monotonic_ns()) / 1e9 <= wait_seconds <= 30
    assert refused.one(b"ratelimit") == f'"{limit_name}";r=0;t={wait_seconds}'.encode()
    control.unblock(bucket)
    assert client.ask(get()).status == 200


@pytest.mark.parametrize(("store", "count"), [(STORE, 0), (FLEET, 3), ("", 0)], ids=["sqlite", "redis", "no store"])
def test_rates_are_told_only_where_a_fleet_shares_them(store, count, limited, client, debits):
    limited(f"{SLOW}}}, few: {{concurrent: 5", top=store)
    exhaust(client)
    assert client.ask(get()).status == 429
    assert {limit.split(":")[1] for limit, _, _ in told(debits, count)} <= {"rate"}


def test_what_other_gateways_used_is_not_there_any_more(limited, client, control, debits):
    limited(SLOW, top=FLEET)
    assert client.ask(get()).status == 200
    [(_, _, fingerprint)] = told(debits, 1)
    control.push(control.named(fingerprint, 60 * 10**9), time.monotonic_ns(), 1)
    assert statuses(client, [get()] * 2) == [200, 429]


def test_what_finds_no_room_on_its_way_to_control_waits(limited, connect, gateway, debits):
    """The ring holds a part of what so many callers make: all of it comes once there is room again."""
    limited("quota: 1000, by: address", top=STORE)
    proxy, callers = connect(source=TRUSTED), 1200
    for number in range(callers):
        asked = proxy.ask(get(b"/limited/x", b"X-Forwarded-For: 10.1.%d.%d" % divmod(number, 256)))
        assert asked.status == 200
    assert len(told(debits, callers)) == callers
    assert gateway.total(DEBITS_DROPPED) == 0


def test_a_place_that_another_worker_gives_back_in_that_moment_costs_nobody_the_connection(
    limited, client, gateway, limit_name
):
    """The test is the other worker: it takes and gives back faster than a request is judged."""
    limited("concurrent: 1")
    counts = LimitTable.open(gateway.build.limits).counts(0)
    bucket = counts.bucket(f"routes/here/limits/{limit_name}:concurrent:all", "", 0)
    statuses = Counter()
    while statuses[429] < 2000:
        client.send(get() * 500)
        for _ in range(10_000):
            counts.read(bucket)
            counts.take(bucket)
            counts.give_back(bucket)
        statuses.update(client.message().status for _ in range(500))
    assert statuses.keys() == {200, 429}
