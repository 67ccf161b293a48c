import os
import signal
import socket
from pathlib import Path

import pytest

from exporters.catalog.gateway import UPGRADES_ABANDONED
from gateway.store.slot import Word
from tests.serve.running import ask, stopped
from tests.waiting import PATIENCE_SECONDS, until

IMPATIENT = ("--successor-seconds", "1.5")
NO_WORD = "no word from the new build within 1.5 s: killed"


def upgraded(gateway, old):
    """Upgrade, and wait until the old build has ended."""
    new = gateway.start("--upgrade")
    assert old.wait(PATIENCE_SECONDS) == 0
    return new


def test_upgrades_under_load_lose_no_request_and_no_count(gateway, load):
    process = gateway.start()
    with load(gateway) as asking:
        for _ in range(3):
            process = upgraded(gateway, process)
            asking.grows(20)
    assert asking.failures == []
    assert len({build for build, _, _ in asking.answers}) == 4
    until(lambda: len(gateway.run.builds()) == 1)
    until(lambda: gateway.balance() == 0)
    assert gateway.totals()["gateway_responses", "roll", "GET", "200"] == sum(asking.answers.values())
    assert max(gateway.lines().values()) == 1


def test_totals_never_fall_while_builds_come_and_go(gateway, load):
    process = gateway.start()
    seen = [0]
    with load(gateway) as asking:
        for _ in range(2):
            new = gateway.launch("--upgrade")
            while process.poll() is None:
                seen.append(gateway.totals()["gateway_responses", "roll", "GET", "200"])
            until(lambda: len(gateway.run.builds()) == 1)
            seen.append(gateway.totals()["gateway_responses", "roll", "GET", "200"])
            process = new
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert asking.failures == []


def test_a_connection_of_the_old_build_is_answered_and_told_to_close(gateway):
    old = gateway.start()
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as connection:
        build = ask(connection, close=False)[0]
        gateway.start("--upgrade")
        until(lambda: gateway.slot("supervisor", gateway.run.build(build)).words[Word.PHASE] == 2)
        until(lambda: (ask(connection, close=False)[0], ask.closes) == (build, True))
    assert old.wait(PATIENCE_SECONDS) == 0


def test_the_same_spec_keeps_its_generation_and_another_gets_the_next(gateway):
    old = gateway.start()
    assert gateway.slot("worker-1").words[Word.GENERATION] == 1
    old = upgraded(gateway, old)
    assert gateway.slot("worker-1").words[Word.GENERATION] == 1
    gateway.write_spec(workers=1)
    upgraded(gateway, old)
    assert gateway.slot("worker-1").words[Word.GENERATION] == 2


def test_a_new_build_that_never_becomes_ready_leaves_the_old_one_serving(gateway, load):
    old = gateway.start()
    first = gateway.newest().id
    with load(gateway) as asking:
        gateway.write_spec(workers=3)
        gateway.misdeed("worker-3", "always-exit")
        new = gateway.launch("--upgrade")
        assert new.wait(PATIENCE_SECONDS) == 1
        (gateway.place / "misdeed").unlink()
        asking.grows()
    assert "worker-3 died 3 times" in gateway.stderr.read_text()
    assert asking.failures == []
    assert gateway.get()[0] == first
    until(lambda: gateway.balance() == 0)
    assert old.poll() is None
    upgraded(gateway, old)


def test_a_new_build_whose_spec_is_wrong_never_disturbs_the_old_one(gateway):
    gateway.start()
    gateway.spec.write_text(gateway.spec.read_text() + "nonsense: 1\n")
    assert gateway.launch("--upgrade").wait(PATIENCE_SECONDS) == 1
    assert "unknown-key" in gateway.stderr.read_text()
    gateway.get()
    assert not gateway.events("upgrade_begun")


def test_a_new_build_killed_on_the_way_leaves_the_old_one_upgradable(gateway, load):
    old = gateway.start()
    gateway.write_spec(workers=3)
    with load(gateway) as asking:
        gateway.misdeed("worker-3", "deadlock")
        new = gateway.launch("--upgrade")
        until(lambda: gateway.events("upgrade_begun"))
        new.kill()
        new.wait()
        until(lambda: gateway.events("upgrade_abandoned"))
        asking.grows()
        (gateway.place / "misdeed").unlink(missing_ok=True)
        upgraded(gateway, old)
        asking.grows()
    assert len(asking.failures) <= 2


def test_an_old_build_killed_on_the_way_leaves_the_new_one_serving(gateway, load):
    old = gateway.start()
    with load(gateway) as asking:
        new = gateway.launch("--upgrade")
        until(lambda: gateway.events("upgrade_begun"))
        old.kill()
        old.wait()
        until(lambda: len(gateway.events("ready")) == 2)
        asking.grows()
    assert new.poll() is None
    assert len(asking.failures) <= 4
    until(lambda: gateway.balance() <= len(asking.failures))
    upgraded(gateway, new)


@pytest.mark.parametrize("stops_first", ["new", "old"])
def test_a_build_stopped_in_an_upgrade_takes_nothing_from_the_one_that_goes_on(gateway, stops_first):
    public = gateway.place / "public.sock"
    gateway.write_spec(public=f'["unix:{public}"]')
    old = gateway.start()
    gateway.write_spec(public=f'["unix:{public}"]', workers=3)
    gateway.misdeed("worker-3", "toil")
    new = gateway.launch("--upgrade")
    until(lambda: gateway.events("upgrade_begun"))
    until(lambda: not (gateway.place / "misdeed").exists())
    stopping, going_on = (new, old) if stops_first == "new" else (old, new)
    stopping.send_signal(signal.SIGINT)
    assert stopping.wait(PATIENCE_SECONDS) == 0
    until(lambda: len(gateway.events("ready")) == (1 if stops_first == "new" else 2))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(public))
        ask(connection)
    assert gateway.totals()
    upgraded(gateway, going_on)


def test_an_upgrade_of_nothing_starts_with_a_warning(gateway):
    gateway.start("--upgrade")
    assert gateway.events("upgrade_without_old")[0]["log.level"] == "warning"
    gateway.get()


def test_an_upgrade_of_a_killed_gateway_starts_and_adopts_its_totals(gateway):
    old = gateway.start()
    gateway.get()
    old.kill()
    old.wait()
    gateway.start("--upgrade")
    assert gateway.totals()["gateway_responses", "roll", "GET", "200"] == 1


def test_an_upgrade_of_a_stopped_supervisor_gives_up_and_says_why(gateway):
    old = gateway.start()
    with stopped(old.pid):
        assert gateway.launch("--upgrade").wait(PATIENCE_SECONDS) == 1
    assert "is it stopped?" in gateway.stderr.read_text()
    gateway.get()


def test_a_second_upgrade_at_the_same_time_is_refused(gateway):
    old = gateway.start()
    gateway.write_spec(workers=3)
    gateway.misdeed("worker-3", "always-exit")
    slow = gateway.launch("--upgrade")
    until(lambda: gateway.events("upgrade_begun"))
    with stopped(slow.pid):
        assert gateway.launch("--upgrade").wait(PATIENCE_SECONDS) == 1
    assert "another upgrade is under way" in gateway.stderr.read_text()
    assert slow.wait(PATIENCE_SECONDS) == 1
    assert old.poll() is None


@pytest.fixture
def impatient(gateway):
    """A gateway that soon gives up a new build which says nothing; returns its first process."""
    return gateway.start(*IMPATIENT)


def started_by(old, *, known):
    """Wait for a process that `old` started beside those it had; stopped before it is another program it would hold its parent."""
    return until(lambda: [pid for pid in children(old) - known if b"--upgrade" in arguments(pid)]).pop()


def arguments(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def children(process):
    return {int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()}


def test_a_new_build_that_is_stopped_halfway_is_killed_and_the_next_one_takes_over(gateway, impatient):
    gateway.write_spec(workers=3)
    gateway.misdeed("worker-3", "toil")
    new = gateway.launch("--upgrade")
    until(lambda: gateway.events("upgrade_begun"))
    with stopped(new.pid):
        assert new.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    until(lambda: gateway.events("upgrade_abandoned"))
    assert [event["event.reason"] for event in gateway.events("upgrade_abandoned")] == [NO_WORD]
    (gateway.place / "misdeed").unlink(missing_ok=True)
    until(lambda: gateway.total(UPGRADES_ABANDONED) == 1)
    gateway.get()
    upgraded(gateway, impatient)


def test_a_new_build_that_is_stopped_before_it_asks_is_killed_and_the_next_signal_upgrades(gateway, impatient):
    known = children(impatient)
    impatient.send_signal(signal.SIGUSR2)
    with stopped(started_by(impatient, known=known)):
        until(lambda: gateway.events("upgrade_abandoned"))
    assert [event["event.reason"] for event in gateway.events("upgrade_abandoned")] == [NO_WORD]
    assert not gateway.events("upgrade_begun")
    until(lambda: children(impatient) == known)
    impatient.send_signal(signal.SIGUSR2)
    assert impatient.wait(PATIENCE_SECONDS) == 0
    assert gateway.get()[0] == gateway.newest().id
    os.kill(gateway.slot("supervisor").words[Word.PID], signal.SIGTERM)
    until(lambda: not gateway.run.path.exists())


def test_a_new_build_that_serves_outlives_the_patience_of_the_old_one(gateway, impatient):
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as connection:
        ask(connection, close=False)
        impatient.send_signal(signal.SIGUSR2)
        assert impatient.wait(PATIENCE_SECONDS) == 0  # after drain.deadline, which is longer than its patience
    assert len(gateway.events("upgrade_done")) == 1
    assert gateway.get()[0] == gateway.newest().id
    assert not gateway.events("upgrade_abandoned")
    os.kill(gateway.slot("supervisor").words[Word.PID], signal.SIGTERM)
    until(lambda: not gateway.run.path.exists())


def test_a_signal_upgrades_in_place(gateway, load):
    old = gateway.start()
    with load(gateway) as asking:
        old.send_signal(signal.SIGUSR2)
        assert old.wait(PATIENCE_SECONDS) == 0
        asking.grows()
    assert asking.failures == []
    new = gateway.slot("supervisor").words[Word.PID]
    assert new != old.pid
    os.kill(new, signal.SIGTERM)
    until(lambda: not gateway.run.path.exists())


def test_after_an_upgrade_the_lock_belongs_to_the_new_build_alone(gateway):
    old = gateway.start()
    new = upgraded(gateway, old)
    second = gateway.launch()
    assert second.wait(PATIENCE_SECONDS) == 1
    assert f"process {new.pid} has" in gateway.stderr.read_text()


def test_an_upgrade_opens_new_addresses_and_closes_those_left_out(gateway):
    old = gateway.start()
    other = gateway.place / "public.sock"
    gateway.write_spec(public=f'["unix:{other}"]')
    upgraded(gateway, old)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(other))
        ask(connection)
    with pytest.raises(ConnectionRefusedError):
        gateway.get()
