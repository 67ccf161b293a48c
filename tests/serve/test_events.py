import json
import subprocess
import sys

from gateway.serve.events import Event, emit, emit_crash
from tests.serve.running import ROOT

BLOCKED = """
import os
from gateway.serve.events import Event, emit
read, write = os.pipe()
os.dup2(write, 2)
os.set_blocking(2, False)
try:
    while True:
        os.write(2, bytes(4096))
except BlockingIOError:
    os.set_blocking(2, True)
emit(Event.READY)
os.close(read)
os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
emit(Event.READY)
print("went on")
"""


def told(capfd):
    return json.loads(capfd.readouterr().err)


def test_an_event_is_one_line_of_json_in_ecs_names(capfd):
    emit(Event.PROCESS_ENDED, "error", {"process.name": "worker-1\n", "process.pid": 7})
    event = told(capfd)
    assert event.pop("@timestamp").endswith("+00:00")
    assert event == {
        "log.level": "error",
        "event.action": "process_ended",
        "event.dataset": "casino.supervisor",
        "process.name": "worker-1\n",
        "process.pid": 7,
    }


def test_a_crash_is_told_in_one_piece_however_long_its_words(capfd):
    emit_crash("control", ValueError("x" * 100_000))
    event = told(capfd)
    assert event["error.type"] == "ValueError"
    assert len(event["error.message"]) == 500


def test_nobody_waits_for_a_reader_of_stderr_or_fails_with_it():
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=True, cwd=ROOT, timeout=30
    )
    assert done.stdout == "went on\n"
