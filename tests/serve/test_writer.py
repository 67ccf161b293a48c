import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from exporters.catalog.gateway import LOG_DROPPED, LOG_WRITTEN
from gateway.serve.outlets import LogFile, Sent, Stream, open_path
from gateway.serve.sink import Sink
from gateway.spec.listen import Log
from tests.serve.running import ROOT, stopped
from tests.waiting import until

LINE = b"x" * 99 + b"\n"


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def write_all(outlet, lines):
    """Write what the outlet takes without a reader."""
    written = 0
    while not isinstance(count := outlet.write(lines[written:], 0.0), Sent) and written < len(lines):
        written += count
    return written


def test_a_pipe_takes_whole_lines_until_it_is_full_and_never_blocks(pipe):
    read, write = pipe
    lines = LINE * 50_000
    written = write_all(Stream(write), lines)
    assert 0 < written < len(lines)
    assert written % len(LINE) == 0
    assert os.read(read, 1 << 21) == lines[:written]


def test_a_pipe_that_is_not_empty_is_given_what_goes_through_in_one_piece(pipe):
    _, write = pipe
    os.write(write, LINE)
    count = Stream(write).write(LINE * 100, 0.0)
    assert count == select.PIPE_BUF // len(LINE) * len(LINE)


def test_a_line_longer_than_a_piece_waits_for_an_empty_pipe(pipe):
    read, write = pipe
    long = b"y" * 7_000 + b"\n"
    os.write(write, LINE)
    stream = Stream(write)
    assert stream.write(long, 0.0) is Sent.LATER
    os.read(read, len(LINE))
    assert stream.write(long, 0.0) == len(long)
    assert os.read(read, 8_192) == long


def test_an_inherited_descriptor_stays_blocking(pipe):
    _, write = pipe
    Stream(write).write(LINE, 0.0)
    assert not fcntl.fcntl(write, fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_socket_takes_lines_as_the_journal_of_systemd_does():
    ours, journal = socket.socketpair()
    with ours, journal:
        written = write_all(Stream(ours.fileno()), LINE * 50_000)
        assert 0 < written < len(LINE) * 50_000
        assert journal.recv(len(LINE)) == LINE


def test_a_pipe_without_a_reader_is_a_broken_sink():
    read, write = os.pipe()
    os.close(read)
    assert Stream(write).write(LINE, 0.0) is Sent.FAILED
    os.close(write)


def test_a_device_without_space_is_a_broken_sink():
    assert open_path(Path("/dev/full")).write(LINE, 0.0) is Sent.FAILED


def test_a_named_pipe_may_be_the_sink(tmp_path):
    os.mkfifo(tmp_path / "log")
    read = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    outlet = open_path(tmp_path / "log")
    assert outlet.write(LINE, 0.0) == len(LINE)
    assert os.read(read, 1_000) == LINE
    outlet.close()
    os.close(read)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        pytest.param(b"", b"", id="empty"),
        pytest.param(b"one\ntwo\n", b"one\ntwo\n", id="whole"),
        pytest.param(b"one\ntw", b"one\n", id="torn"),
        pytest.param(b"tw", b"", id="torn and alone"),
    ],
)
def test_a_torn_last_line_is_cut_off(tmp_path, found, kept):
    path = tmp_path / "log"
    path.write_bytes(found)
    log = LogFile(path)
    log.write(b"next\n", 0.0)
    log.close()
    assert path.read_bytes() == kept + b"next\n"


def test_nothing_is_cut_while_another_writer_has_the_file(tmp_path):
    path = tmp_path / "log"
    other = LogFile(path)
    path.write_bytes(b"half")
    LogFile(path).close()
    assert path.read_bytes() == b"half"
    other.close()


LIMITED = """
import resource, sys
from pathlib import Path
from gateway.serve.outlets import LogFile, Sent
log = LogFile(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
assert log.write(b"x" * 99 + b"\\n" + b"y" * 99 + b"\\n" + b"z" * 99 + b"\\n", 0.0) == 200
assert log.write(b"z" * 99 + b"\\n", 0.0) is Sent.FAILED
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert log.write(b"z" * 99 + b"\\n", 0.0) == 100
"""


def test_a_line_that_finds_space_for_its_beginning_only_is_taken_back(tmp_path):
    subprocess.run([sys.executable, "-c", LIMITED, tmp_path / "log"], check=True, cwd=ROOT)
    assert (tmp_path / "log").read_bytes() == b"x" * 99 + b"\n" + b"y" * 99 + b"\n" + b"z" * 99 + b"\n"


def test_a_sink_that_cannot_be_opened_is_tried_again(tmp_path, capfd):
    sink = Sink(Log(to=str(tmp_path / "later" / "log")))
    assert sink.write(LINE) == 0
    (tmp_path / "later").mkdir()
    until(lambda: sink.write(LINE) == len(LINE))
    actions = [json.loads(line)["event.action"] for line in capfd.readouterr().err.splitlines()]
    assert actions == ["log_sink_failed", "log_sink_recovered"]


def test_a_file_that_cannot_be_opened_anew_is_tried_again_and_nothing_is_held_back(tmp_path, capfd):
    log = tmp_path / "log"
    sink = Sink(Log(to=str(log)))
    assert sink.write(LINE) == len(LINE)
    log.rename(tmp_path / "log.1")
    log.mkdir()
    sink.reopen()
    assert sink.write(LINE) == len(LINE)
    assert (tmp_path / "log.1").read_bytes() == 2 * LINE
    log.rmdir()
    until(lambda: sink.write(LINE) == len(LINE) and log.is_file())
    actions = [json.loads(line)["event.action"] for line in capfd.readouterr().err.splitlines()]
    assert actions == ["log_sink_failed", "log_reopened", "log_sink_recovered"]


def test_a_moved_file_is_followed_on_a_signal_without_losing_a_line(gateway, load):
    process = gateway.start()
    moved = gateway.place / "access.log.1"
    with load(gateway) as asking:
        until(lambda: gateway.log.exists() and gateway.log.stat().st_size)
        gateway.log.rename(moved)
        process.send_signal(signal.SIGUSR1)
        until(lambda: gateway.log.exists() and gateway.log.stat().st_size)
        asking.grows()
    until(lambda: not any(waiting(gateway)))
    assert not set(keys(moved)) & set(keys(gateway.log))
    assert len(keys(moved)) + len(keys(gateway.log)) == sum(asking.answers.values())


def keys(path):
    return [(line["worker"], line["sequence"]) for line in map(json.loads, path.read_text().splitlines())]


def waiting(gateway):
    return [gateway.slot(f"worker-{number}").ring.waiting_bytes for number in (1, 2)]


def test_a_reader_that_stops_delays_nobody_and_every_line_is_written_or_counted(gateway, load):
    """The log goes to a pipe whose reader pauses until the rings are full."""
    gateway.write_spec(log="stdout", workers=1)
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    process = gateway.start(stdout=write)
    os.close(write)
    with load(gateway, clients=4) as asking:
        until(lambda: gateway.total(LOG_DROPPED) > 50)
    pid = gateway.pid("writer")
    lines = []
    reader = threading.Thread(target=read_all, args=(read, lines))
    reader.start()
    until(lambda: gateway.slot("worker-1").ring.waiting_bytes == 0)
    dropped, written = gateway.total(LOG_DROPPED), gateway.total(LOG_WRITTEN)
    assert gateway.pid("writer") == pid
    process.terminate()
    reader.join()
    assert asking.failures == []
    sequences = [json.loads(line)["sequence"] for line in lines]
    assert sequences == sorted(set(sequences))
    assert len(sequences) + dropped == sum(asking.answers.values())
    assert written == sum(map(len, lines))


def read_all(pipe, lines):
    with os.fdopen(pipe, "rb") as reader:
        lines.extend(reader)


def test_lines_nobody_could_be_given_outlive_a_clean_stop(gateway):
    gateway.write_spec(log=str(gateway.place / "absent" / "log"))
    process = gateway.start()
    for _ in range(5):
        gateway.get()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    gateway.write_spec()
    gateway.start()
    until(lambda: len(gateway.lines()) == 5)


def test_a_writer_killed_again_and_again_loses_no_line(gateway, load):
    gateway.start()
    with load(gateway) as asking:
        for _ in range(3):
            pid = gateway.pid("writer")
            asking.grows(20)
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: gateway.replaced("writer", pid))
    until(lambda: gateway.balance() == 0)
    assert len(gateway.lines()) == sum(asking.answers.values())


def test_a_stopped_writer_is_replaced_before_lines_are_dropped(gateway, load):
    gateway.start()
    with load(gateway) as asking, stopped(gateway.pid("writer")):
        asking.grows(100)
    until(lambda: gateway.balance() == 0)
    assert gateway.total(LOG_DROPPED) == 0


def test_a_file_that_another_locks_for_itself_costs_no_descriptor(tmp_path):
    path = tmp_path / "log"
    with path.open("w") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            LogFile(path)
        assert [fd for fd in Path("/proc/self/fd").iterdir() if fd.exists() and fd.samefile(path)] == [
            Path(f"/proc/self/fd/{locked.fileno()}")
        ]
