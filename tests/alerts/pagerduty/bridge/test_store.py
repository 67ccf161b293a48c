"""What becomes of changes whose asker gave up (Alertmanager does after ten seconds, and asks again), and of the log they are in."""

import threading

import pytest

from alerts.pagerduty.bridge import ledger
from alerts.pagerduty.bridge.store import MOST_WAL_PAGES, PAGE_BYTES, Store

SECONDS = 20
LARGE_BYTES = 64_000


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


def large(name: str):
    return lambda connection: ledger.remember(connection, name, "x" * LARGE_BYTES)


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


def test_the_log_begins_anew_while_changes_never_cease(tmp_path):
    """Else it grows until the writer has to move tens of megabytes itself, and all webhooks wait for that."""
    store = Store(tmp_path, 1_000_000_000, lambda _seconds, _is_well: None, checkpoint_seconds=0.05)
    log, written = tmp_path / "bridge.sqlite-wal", 0
    under_way = [store.write(large("first")), store.write(large("second"))]
    try:
        while written <= 2 * log.stat().st_size:
            under_way.append(store.write(large(str(written))))
            under_way.pop(0).result(SECONDS)
            written += LARGE_BYTES
            assert written < MOST_WAL_PAGES * PAGE_BYTES, "the writer had to move the log itself"
    finally:
        store.close()
