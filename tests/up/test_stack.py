import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DRIVER = """
import sys
from pathlib import Path
from casino.stack import Failed, Part, Stack, Stopped
stack = Stack()
print(stack.folder, flush=True)
try:
    stack.start([Part(name=f"part {number}", words=(sys.executable, "-c", code)) for number, code in enumerate(sys.argv[1:])])
    print(*(child.pid for wave in stack._waves for child in wave.values()), flush=True)
    stack.watch(str)
except Stopped:
    print("stopped", flush=True)
except Failed as failure:
    print("failed:", failure, flush=True)
finally:
    stack.stop()
stack.forget()
"""
SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
CRASH = "raise SystemExit('out of chips')"


@pytest.fixture(autouse=True)
def folders_of_their_own(monkeypatch, tmp_path):
    """What a killed stack leaves behind goes with the test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@contextmanager
def driven(*programs):
    with subprocess.Popen([sys.executable, "-c", DRIVER, *programs], stdout=subprocess.PIPE, text=True) as driver:
        folder = Path(driver.stdout.readline().strip())
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        try:
            yield driver, folder, pids
        finally:
            driver.kill()


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ctrl_c_stops_everything_and_leaves_nothing():
    with driven(SLEEP, SLEEP) as (driver, folder, pids):
        driver.send_signal(signal.SIGINT)
        assert driver.wait(timeout=10) == 0
        assert not any(map(runs, pids))
        assert not folder.exists()


def test_what_was_killed_does_not_keep_the_rest_from_stopping():
    with driven(SLEEP, SLEEP) as (driver, _, pids):
        os.kill(pids[0], signal.SIGKILL)
        assert driver.stdout.readline().startswith("part 0 was killed by SIGKILL")
        assert runs(pids[1])
        driver.terminate()
        assert driver.wait(timeout=10) == 0
        assert not runs(pids[1])


def test_when_the_parent_is_killed_its_children_end_too():
    with driven(SLEEP, DEAF) as (driver, _, pids):
        assert all(map(runs, pids))
        driver.kill()
        wait_until(lambda: not any(map(runs, pids)))


def test_a_part_that_dies_is_reported_with_its_last_words():
    with driven(CRASH, SLEEP) as (driver, _, _):
        assert driver.stdout.readline() == "part 0 ended with exit code 1; its last words:\n"
        assert driver.stdout.readline() == "    out of chips\n"


def test_when_nothing_is_left_the_stack_ends():
    with driven(CRASH) as (driver, _, _):
        assert "failed: part 0 ended with exit code 1" in driver.stdout.read()


def test_a_second_ctrl_c_kills_what_does_not_listen():
    with driven(DEAF) as (driver, folder, pids):
        wait_until((folder / "part-0.log").read_text)
        driver.send_signal(signal.SIGINT)
        assert driver.stdout.readline() == "stopped\n"
        driver.send_signal(signal.SIGINT)
        assert driver.wait(timeout=5) == 0
        assert not runs(pids[0])


def test_grandchildren_are_not_left_behind():
    leaves_one = f"import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True); time.sleep(60)"
    with driven(leaves_one) as (driver, folder, _):
        wait_until((folder / "part-0.log").read_text)
        grandchild = int((folder / "part-0.log").read_text())
        driver.terminate()
        assert driver.wait(timeout=10) == 0
        assert not runs(grandchild)


ENDING = """
import os, sys, time
from casino.stack import Part, Stack
stack = Stack()
one, other = (Part(name=name, words=(sys.executable, "-c", sys.argv[1])) for name in ("one", "other"))
stack.launch([one, other])
pid = stack.child(one).pid
stack.end(one)
gone = not os.path.exists(f"/proc/{pid}")
stack.heed(0)
print(gone, stack.runs(one), stack.runs(other), stack.child(other).pid != pid, flush=True)
stack.launch([one])
print(stack.runs(one), stack.child(one).pid != pid, flush=True)
stack.stop()
stack.forget()
"""


def test_a_part_that_is_ended_on_purpose_is_no_failure_and_can_be_started_again():
    done = subprocess.run([sys.executable, "-c", ENDING, SLEEP], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["True False True True", "True True"]


PORTLESS = """
import sys
from casino.stack import Failed, Part, Stack
stack = Stack()
try:
    stack.start([Part(name="rest", words=(sys.executable, "-c", sys.argv[3]))])
    stack.start([Part(name="prometheus", words=(sys.executable, "-c", sys.argv[1]), ready=sys.argv[2])])
except Failed as failure:
    print("failed:", failure, flush=True)
finally:
    stack.stop()
stack.forget()
"""


@pytest.mark.parametrize("program", [CRASH, "import time; time.sleep(1)"], ids=["it ended", "it listens nowhere"])
def test_the_answer_of_a_stranger_at_a_parts_port_is_not_taken_for_its_own(stranger, program):
    done = subprocess.run(
        [sys.executable, "-c", PORTLESS, program, stranger, SLEEP],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"failed: prometheus has not got its port: another program answers on {stranger}\n" in done.stdout


@pytest.fixture
def stranger():
    """Answers 200 to whoever asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
