import os
import shutil
import signal

import pytest

from exporters.catalog.gateway import RUN_DIR_LOST
from tests.serve.running import START_SECONDS
from tests.waiting import until


def inode(path):
    return path.stat().st_ino


def started_anew(gateway):
    return until(lambda: len(gateway.events("ready")) > 1, seconds=START_SECONDS)


@pytest.mark.parametrize("part", ["", "builds", "lock"])
def test_a_gateway_whose_run_directory_is_deleted_starts_anew_in_the_same_process(gateway, load, part):
    process = gateway.start()
    before = gateway.newest().id
    with load(gateway, clients=1) as asking:
        lost = gateway.run.path / part
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        started_anew(gateway)
        asking.grows()
    assert asking.failures == []
    (event,) = gateway.events("run_dir_lost")
    assert event["file.path"].startswith(str(lost))
    assert process.poll() is None
    answered_by, _, _ = gateway.get()
    assert answered_by == gateway.newest().id != before
    assert gateway.run.holder() == process.pid


def test_it_can_replace_its_children_and_stop_cleanly_afterwards(gateway):
    process = gateway.start()
    shutil.rmtree(gateway.run.path)
    started_anew(gateway)
    pid = gateway.pid("worker-1")
    os.kill(pid, signal.SIGKILL)
    until(lambda: gateway.replaced("worker-1", pid))
    process.terminate()
    assert process.wait(10) == 0
    assert not gateway.run.path.exists()


def test_every_line_of_the_lost_build_is_written(gateway):
    gateway.start()
    for _ in range(30):
        gateway.get()
    shutil.rmtree(gateway.run.path)
    started_anew(gateway)
    assert len(gateway.lines()) == 30


def test_a_spec_that_cannot_be_started_with_is_waited_for_while_the_gateway_serves_and_shows_it(gateway):
    gateway.start()
    assert gateway.total(RUN_DIR_LOST) == 0
    sound = gateway.spec.read_text()
    gateway.spec.write_text("casino: [")
    shutil.rmtree(gateway.run.path)
    (event,) = until(lambda: gateway.events("run_dir_lost"))
    assert "no YAML" in event["error.message"]
    assert gateway.total(RUN_DIR_LOST) == 1
    gateway.get()
    gateway.spec.write_text(sound)
    started_anew(gateway)
    assert len(gateway.events("run_dir_lost")) == 1
    gateway.get()


def test_a_directory_that_was_only_moved_away_and_comes_back_is_not_lost_any_more(gateway, tmp_path):
    gateway.start()
    gateway.spec.write_text("casino: [")
    gateway.run.path.rename(tmp_path / "away")
    until(lambda: gateway.events("run_dir_lost"))
    (tmp_path / "away").rename(gateway.run.path)
    until(lambda: gateway.total(RUN_DIR_LOST) == 0)
    assert gateway.events("starting_anew") == []
    gateway.get()


def test_who_asks_it_to_stop_meanwhile_is_obeyed(gateway):
    gateway.write_spec(grace="1s")
    process = gateway.start()
    shutil.rmtree(gateway.run.path)
    until(lambda: gateway.events("draining"))
    process.terminate()
    assert process.wait(10) == 0
    assert gateway.events("starting_anew") == []


def test_a_directory_that_another_gateway_took_is_left_to_it(gateway, tmp_path):
    process = gateway.start()
    gateway.run.path.rename(tmp_path / "away")
    gateway.run.path.mkdir(mode=0o700)
    lock = gateway.run.hold()
    assert lock
    taken = inode(gateway.run.path)
    assert process.wait(START_SECONDS) == 1
    assert "a gateway runs here already" in gateway.stderr.read_text()
    assert inode(gateway.run.path) == taken
    lock.release()
