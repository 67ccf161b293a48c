"""What becomes of changes whose asker gave up: Alertmanager does after ten seconds, and asks again."""

import threading

import pytest

from alerts.pagerduty.bridge import ledger
from alerts.pagerduty.bridge.store import Store

SECONDS = 20


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path, 100_000_000, lambda _seconds, _is_well: None)
    yield store
    store.close()


@pytest.fixture
def held(store):
    """The writer is busy with a change until the event is set."""
    began, go_on = threading.Event(), threading.Event()

    def work(_connection):
        began.set()
        assert go_on.wait(SECONDS)
        return "held"

    future = store.write(work)
    assert began.wait(SECONDS)
    yield future, go_on
    go_on.set()


def remembering(name: str):
    return lambda connection: ledger.remember(connection, name, "yes")


def test_a_change_that_nobody_waits_for_any_more_stops_no_other(store, held):
    _, go_on = held
    given_up = store.write(remembering("given up"))
    assert given_up.cancel()
    wanted = store.write(remembering("wanted"))
    go_on.set()
    wanted.result(SECONDS)
    store.write(remembering("later")).result(SECONDS)
    with store.reading() as connection:
        assert [ledger.remembered(connection, name) for name in ("given up", "wanted", "later")] == [None, "yes", "yes"]


def test_a_change_under_way_cannot_be_given_up(store, held):
    under_way, go_on = held
    assert not under_way.cancel()
    go_on.set()
    assert under_way.result(SECONDS) == "held"
    store.write(remembering("later")).result(SECONDS)
