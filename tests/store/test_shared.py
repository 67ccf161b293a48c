"""What every store promises, on the real ones."""

import asyncio
import signal
import subprocess
import sys
import time

import pytest

from gateway.store.shared import Batch, StoreFault
from tests.checkout import ROOT
from tests.store.servers import HASTY_SECONDS, LATEST_SECONDS, charge, use
from tests.waiting import until

SLACK_SECONDS = 0.1
"""How far a debt may differ from what it should be, besides by the time that has passed."""


@pytest.fixture
def about():
    """Say what a debt should be now that was so many seconds: up to so much less as has passed since the test began."""
    began = time.monotonic()

    def expected(seconds):
        passed_seconds = time.monotonic() - began
        return pytest.approx(seconds - passed_seconds / 2, abs=SLACK_SECONDS + passed_seconds / 2)

    return expected


def test_what_one_gateway_used_another_learns(site, connect, about):
    one, other = connect(site.store(), "one"), connect(site.store(), "other")
    assert one.owed(charge(cost=30)) == about(30)
    assert other.owed(charge(cost=12)) == about(42)
    assert one.owed(charge()) == about(42)


def test_a_debt_shrinks_as_time_passes(site, connect):
    client = connect(site.store())
    first = client.owed(charge(cost=30))
    begun = time.monotonic()
    until(lambda: time.monotonic() > begun + 0.2)
    assert client.owed(charge()) <= first - 0.2


def test_a_bucket_nobody_knows_owes_nothing(site, connect):
    assert connect(site.store()).owed(charge()) <= 0


def test_what_was_used_a_while_ago_has_been_refilled_since(site, connect, about):
    client = connect(site.store())
    assert client.owed(charge(cost=30, age=20)) == about(10)
    assert client.owed(charge("other", cost=30, age=40)) == about(-10)


def test_an_age_never_reaches_behind_what_was_told_before(site, connect, about):
    client = connect(site.store())
    client.tell(charge(cost=30))
    assert client.owed(charge(cost=5, age=600)) == about(35)


def test_nothing_is_owed_beyond_the_ceiling(site, connect, about):
    client = connect(site.store())
    assert client.owed(charge(cost=500, ceiling=7)) == about(7)


def test_a_batch_told_again_counts_once_and_learns_what_is_so_now(site, connect, about):
    one, other = connect(site.store(), "one"), connect(site.store(), "other")
    told = charge(cost=30), use(amount=3)
    one.tell(*told)
    other.tell(charge(cost=10), use(amount=4))
    answer = one.tell(*told, again=True)
    assert answer.owed_seconds == (about(40),)
    assert answer.used == (7,)


def test_uses_add_up_in_their_counter_alone(site, connect):
    client = connect(site.store())
    assert client.used(use("monday", 3)) == 3
    assert client.used(use("monday", 4)) == 7
    assert client.used(use("tuesday", 1)) == 1


def test_a_counter_ends(site, connect):
    client = connect(site.store())
    client.tell(use(amount=3, lasts=0.1))
    ended = time.monotonic() + 0.15
    until(lambda: time.monotonic() > ended)
    assert client.used(use(amount=1)) == 1


def test_answers_come_in_the_order_of_a_batch_of_any_size(site, connect):
    client = connect(site.store())
    count = 1234
    answer = client.tell(
        *(charge(f"bucket {number}", cost=1000 + number) for number in range(count)),
        *(use(f"counter {number}", number) for number in range(count)),
    )
    assert answer.owed_seconds == tuple(pytest.approx(1000 + number, abs=2) for number in range(count))
    assert answer.used == tuple(range(count))


def test_an_empty_batch_is_answered(site, connect):
    assert connect(site.store()).tell().used == ()


def test_two_gateways_that_tell_at_once_lose_nothing(site, connect):
    clients = [connect(site.store(), session) for session in ("one", "other")]
    rounds = 50

    async def tell(client):
        for number in range(1, rounds + 1):
            await client.store.exchange(Batch(client.session, number, (charge(cost=1),), (use(amount=2),)))

    async def both():
        await asyncio.gather(*map(tell, clients))

    clients[0].runner.run(both())
    clients[0].number = rounds
    answer = clients[0].tell(charge(), use())
    assert answer.used == (rounds * 2 * len(clients),)
    assert answer.owed_seconds[0] == pytest.approx(rounds * len(clients), abs=20)


def test_whoever_is_killed_leaves_the_store_usable(site, connect):
    client = connect(site.store())
    assert client.used(use(amount=5)) == 5
    site.kill()
    site.start()
    client.number += 1
    assert client.again(use(amount=1)).used == (6,)


def test_a_store_that_stands_still_costs_no_more_than_the_timeout_and_counts_once(site, connect):
    client = connect(site.store(timeout_seconds=HASTY_SECONDS))
    client.until_told(use(amount=5))
    site.pause()
    failed, took_seconds = client.fails(use(amount=1))
    assert failed.fault is StoreFault.TIMEOUT
    assert took_seconds < LATEST_SECONDS
    site.resume()
    assert client.again(use(amount=1)).used == (6,)


def test_a_store_that_forgot_everything_begins_anew(site, connect, about):
    client = connect(site.store())
    client.tell(charge(cost=30), use(amount=5))
    site.clear()
    assert client.tell(charge(cost=1), use(amount=2)).used == (2,)
    assert client.owed(charge()) == about(1)


def test_what_is_over_is_forgotten(site, connect):
    client = connect(site.store())
    items = [charge(f"bucket {number}", cost=1.5) for number in range(100)]
    client.tell(*items, *(use(f"counter {number}", 1, lasts=1.5) for number in range(100)))
    kept_before = site.keys()

    def forgotten():
        client.tell(charge("one"))
        return site.keys() <= 2  # the session, and what was just asked for

    assert kept_before > 200
    until(forgotten)


TELLING = """
import asyncio, sys
from gateway.store.shared import Batch, Use
from tests.store.servers import {kind}

async def tell(store):
    for number in range(1, 1_000_000):
        answer = await store.exchange(Batch("killed", number, (), (Use("day", 1, 3600.0),)))
        print(number, answer.used[0], flush=True)

site = {kind}.__new__({kind})
{setup}
asyncio.run(tell(site.store()))
"""


def test_a_gateway_killed_while_it_tells_loses_nothing_it_was_answered(site, connect, tmp_path):
    name = "socket" if site.kind == "redis" else "path"
    setup = f"from pathlib import Path; site.{name} = Path({str(getattr(site, name))!r})"
    program = TELLING.format(kind=type(site).__name__, setup=setup)
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as killed:
        lines = [killed.stdout.readline() for _ in range(20)]
        killed.send_signal(signal.SIGKILL)
        lines += killed.stdout.readlines()
    number, used = map(int, [line for line in lines if line.endswith("\n")][-1].split())
    assert number == used
    assert connect(site.store()).used(use()) in {used, used + 1}, "the last one may have been counted and not answered"
