import os
import signal
import time

import pytest

from gateway.store.slot import Word
from gateway.store.vitals import vitals
from tests.serve.running import KINDS, WORKERS, stopped
from tests.waiting import until

SATURATED_SECONDS = 3.0
"""The machine that runs the tests is busy with other tests."""
STALL_SECONDS = 0.1
"""Between two looks of a test that runs lies less."""


def alive(pid):
    try:
        return vitals(pid).state not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def replaced_in_time(gateway, name, pid):
    """Wait for the successor, by the time in which this test ran: a machine that stands still counts as one look."""
    ran_seconds, looked = 0.0, time.monotonic()

    def successor():
        nonlocal ran_seconds, looked
        now = time.monotonic()
        ran_seconds, looked = ran_seconds + min(now - looked, STALL_SECONDS), now
        return gateway.replaced(name, pid)

    until(successor)
    assert ran_seconds < SATURATED_SECONDS
    assert not alive(pid)


@pytest.mark.parametrize("name", KINDS)
def test_a_killed_process_is_replaced_and_no_count_is_lost(gateway, load, name):
    gateway.start()
    with load(gateway) as asking:
        pid = gateway.pid(name)
        os.kill(pid, signal.SIGKILL)
        replaced_in_time(gateway, name, pid)
        asking.grows()
    assert gateway.deaths(name, "killed") == 1
    assert len(asking.failures) <= (2 if name == "worker-1" else 0)
    until(lambda: abs(gateway.balance()) <= len(asking.failures))


@pytest.mark.parametrize("name", KINDS)
def test_a_stopped_process_is_replaced(gateway, load, name):
    gateway.start()
    with load(gateway) as asking:
        pid = gateway.pid(name)
        os.kill(pid, signal.SIGSTOP)
        replaced_in_time(gateway, name, pid)
        asking.grows()
    assert gateway.deaths(name, "stopped") == 1
    assert len(asking.failures) <= (2 if name == "worker-1" else 0)


@pytest.mark.parametrize("name", ["worker-1", "control"])
@pytest.mark.parametrize(
    ("deed", "reason"), [("spin", "busy"), ("deadlock", "blocked"), ("raise", "exited"), ("exit", "exited")]
)
def test_a_process_that_hangs_or_ends_is_replaced(gateway, name, deed, reason):
    gateway.start()
    pid = gateway.pid(name)
    gateway.misdeed(name, deed)
    replaced_in_time(gateway, name, pid)
    # a machine too busy to show what it does shows at least that it is silent
    assert gateway.deaths(name, reason) + gateway.deaths(name, "silent") == 1
    gateway.get()


def test_a_worker_that_answers_without_end_of_its_turn_is_left_alone(gateway):
    gateway.start()
    words, pid = gateway.slot("worker-1").words, gateway.pid("worker-1")
    gateway.misdeed("worker-1", "toil")
    until(lambda: words[Word.SEQUENCE] > 1_000)
    beat = words[Word.HEARTBEAT]
    until(lambda: words[Word.HEARTBEAT] > beat)
    assert gateway.pid("worker-1") == pid
    assert gateway.events("process_hung") == []


def test_the_traceback_of_a_crash_is_told(gateway):
    gateway.start()
    gateway.misdeed("worker-1", "raise")
    crash = until(lambda: gateway.events("process_crashed"))[0]
    assert crash["error.message"] == "a misdeed"
    assert "in commit" in crash["error.stack_trace"]


def test_a_crash_loop_is_backed_off_and_shown_while_the_others_serve(gateway):
    gateway.start()
    gateway.misdeed("worker-2", "always-exit")
    until(lambda: len(gateway.events("process_ended")) >= 4)
    ends = gateway.events("process_ended")
    assert [end["casino.pause_seconds"] for end in ends[:4]] == [0.0, 0.1, 0.2, 0.4]
    gateway.get()
    assert gateway.totals()["gateway_process_backoff_seconds", "worker-2"] >= 0.4e9


def test_workers_share_one_accept_queue_of_which_a_killed_one_takes_nothing(gateway, load):
    gateway.start()
    clients, kills = 4, 2
    with load(gateway, clients=clients) as asking:
        for _ in range(kills):
            pid = gateway.pid("worker-1")
            os.kill(pid, signal.SIGSTOP)
            replaced_in_time(gateway, "worker-1", pid)
            asking.grows()
    assert len(asking.failures) <= clients * kills
    assert len({worker for _, worker, _ in asking.answers}) == WORKERS


def test_a_stopped_supervisor_disturbs_nobody_and_kills_nobody_when_it_goes_on(gateway, load):
    process = gateway.start()
    pids = [gateway.pid(name) for name in KINDS]
    with load(gateway) as asking:
        with stopped(process.pid):
            asking.grows(200)
        words = gateway.slot("supervisor").words
        seen = words[Word.HEARTBEAT]
        until(lambda: words[Word.HEARTBEAT] > seen)
        asking.grows()
    assert not asking.failures
    assert [gateway.pid(name) for name in KINDS] == pids


def test_a_whole_tree_that_was_stopped_goes_on_unharmed(gateway):
    process = gateway.start()
    pids = [*map(gateway.pid, KINDS), gateway.pid("worker-2")]
    for pid in (process.pid, *pids):
        os.kill(pid, signal.SIGSTOP)
    until(lambda: all(vitals(pid).state == "T" for pid in pids))
    stale_from = time.monotonic() + 0.7
    until(lambda: time.monotonic() > stale_from)
    for pid in (process.pid, *pids):
        os.kill(pid, signal.SIGCONT)
    words = gateway.slot("supervisor").words
    seen = words[Word.HEARTBEAT]
    until(lambda: words[Word.HEARTBEAT] > seen + 1_000_000_000)
    assert [*map(gateway.pid, KINDS), gateway.pid("worker-2")] == pids


def test_children_end_with_a_killed_supervisor_and_a_restart_serves_at_once_with_all_totals(gateway, load):
    began = time.monotonic()
    process = gateway.start()
    first_start_seconds = time.monotonic() - began
    with load(gateway) as asking:
        asking.grows(200)
    pids = [*map(gateway.pid, KINDS), gateway.pid("worker-2")]
    answered = sum(asking.answers.values())
    process.kill()
    began = time.monotonic()
    gateway.start()
    assert time.monotonic() - began < first_start_seconds + SATURATED_SECONDS
    assert not any(map(alive, pids))
    gateway.get()
    until(lambda: len(gateway.run.builds()) == 1)
    until(lambda: gateway.balance() == 0)
    assert len(gateway.lines()) == answered + 1
    assert gateway.totals()["gateway_responses", "roll", "GET", "200"] == answered + 1


def test_a_restart_writes_the_lines_a_killed_gateway_left_in_its_rings(gateway, load):
    process = gateway.start()
    os.kill(gateway.pid("writer"), signal.SIGSTOP)
    with load(gateway) as asking:
        asking.grows(20)
        os.kill(gateway.pid("writer"), signal.SIGSTOP)
        process.kill()
    gateway.start()
    # A worker killed between line and count leaves a line more than it counted.
    until(lambda: -WORKERS <= gateway.balance() <= 0)
    assert max(gateway.lines().values()) == 1


def test_a_restart_after_a_stopped_tree_was_killed_serves(gateway):
    process = gateway.start()
    for name in KINDS:
        os.kill(gateway.pid(name), signal.SIGSTOP)
    process.kill()
    gateway.start()
    assert gateway.get()[0] == gateway.newest().id


def test_a_second_gateway_in_the_same_place_says_who_is_there(gateway):
    process = gateway.start()
    second = gateway.launch()
    assert second.wait(10) == 1
    assert f"a gateway runs here already: process {process.pid}" in gateway.stderr.read_text()
    gateway.get()
