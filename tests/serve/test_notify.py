import os
import signal
import socket

import pytest

from gateway.serve.notify import Notifier
from gateway.store.slot import Word
from tests.waiting import PATIENCE_SECONDS, until


class Manager:
    """A service manager that hears what it is told."""

    def __init__(self, line, path):
        self._line = line
        self.environ = {"NOTIFY_SOCKET": str(path)}

    def hear(self, word):
        """Return the next message with this word."""
        while word not in (message := self.next()):
            pass
        return message

    def next(self):
        return dict(line.split("=", 1) for line in self._line.recv(4096).decode().splitlines())


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(PATIENCE_SECONDS)
        yield Manager(line, tmp_path / "notify")


def test_readiness_is_told_once_everything_serves(gateway, manager):
    process = gateway.start(**manager.environ)
    ready = manager.hear("READY")
    assert ready["MAINPID"] == str(process.pid)
    gateway.get()
    process.terminate()
    assert manager.hear("STOPPING")["STOPPING"] == "1"
    assert process.wait(PATIENCE_SECONDS) == 0


def test_a_reload_is_told_from_its_beginning_to_its_end(gateway, manager):
    process = gateway.start(**manager.environ)
    manager.hear("READY")
    process.send_signal(signal.SIGHUP)
    assert int(manager.hear("RELOADING")["MONOTONIC_USEC"]) > 0
    manager.hear("READY")


def test_a_reload_in_the_middle_of_a_start_does_not_make_it_ready(gateway, manager):
    gateway.misdeed("worker-1", "toil")
    process = gateway.launch(**manager.environ)
    until(lambda: not (gateway.place / "misdeed").exists())
    process.send_signal(signal.SIGHUP)
    manager.hear("RELOADING")
    manager.hear("READY")
    words = gateway.slot("worker-1").words
    assert words[Word.HEARTBEAT] > words[Word.STARTED]


def test_an_at_sign_within_the_path_of_the_socket_is_one(tmp_path):
    path = str(tmp_path / "casino@1.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(path)
        line.setblocking(False)
        Notifier({"NOTIFY_SOCKET": path}).stopping()
        assert line.recv(4096).startswith(b"STOPPING=1")


def test_an_upgrade_names_the_new_main_process_and_never_says_that_it_stops(gateway, manager):
    old = gateway.start(**manager.environ)
    manager.hear("READY")
    new = gateway.start("--upgrade", **manager.environ)
    assert manager.next()["MAINPID"] == str(new.pid)
    assert old.wait(PATIENCE_SECONDS) == 0
    new.terminate()
    manager.hear("STOPPING")


def test_an_upgrade_that_came_to_nothing_is_told_in_the_status(gateway, manager):
    gateway.start("--successor-seconds", "0.1", **manager.environ)
    manager.hear("READY")
    gateway.write_spec(workers=3)
    gateway.misdeed("worker-3", "toil")
    new = gateway.launch("--upgrade")
    assert "no word from the new build within 0.1 s" in manager.hear("STATUS")["STATUS"]
    assert new.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    gateway.get()


def test_the_watchdog_is_fed_twice_as_often_as_asked(manager):
    notifier = Notifier(manager.environ | {"WATCHDOG_USEC": "2000000"})
    for now in (10.0, 10.9, 11.0, 11.5):
        notifier.alive(now)
    notifier.ready()
    assert [manager.next().get("WATCHDOG") for _ in range(3)] == ["1", "1", None]


def test_a_stopped_supervisor_does_not_feed_the_watchdog(gateway, manager):
    process = gateway.start(WATCHDOG_USEC="100000", **manager.environ)
    manager.hear("WATCHDOG")
    os.kill(process.pid, signal.SIGSTOP)
    manager._line.settimeout(0.5)
    with pytest.raises(TimeoutError):
        until(lambda: manager.next() is None)
    os.kill(process.pid, signal.SIGCONT)


def test_without_a_service_manager_nothing_is_sent_and_nothing_fails(tmp_path, monkeypatch):
    manager = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(manager))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(manager))
        receiver.setblocking(False)
        Notifier({}).ready()
        Notifier({"NOTIFY_SOCKET": "/nowhere/at/all"}).ready()
        with pytest.raises(BlockingIOError):
            receiver.recv(1)
