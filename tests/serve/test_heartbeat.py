import os
import signal
import subprocess
import sys

import pytest

from gateway.serve.heartbeat import Hang, Pulse
from gateway.store.vitals import Vitals, vitals
from tests.waiting import until

SECOND = 1_000_000_000


class Seen:
    def __init__(self, seen):
        self._seen = Vitals(*seen)

    def __call__(self):
        return self._seen


def judged(looks, *, started=True):
    """Judge one heartbeat again and again: each look is (age in seconds, state, CPU seconds)."""
    pulse = Pulse()
    verdict = None
    for age, *seen in looks:
        verdict = pulse.judge(beat_ns=SECOND, started=started, age_seconds=age, look=Seen(seen))
    return verdict


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        pytest.param([(0.05, "S", 0)], None, id="a fresh beat"),
        pytest.param(
            [(0.2, "R", 5.0), (0.6, "R", 5.1)], None, id="runnable and consuming little: waiting for its turn"
        ),
        pytest.param([(0.2, "R", 5.0), (0.7, "R", 5.4)], Hang.BUSY, id="burning CPU without a turn"),
        pytest.param([(0.2, "R", 5.0), (0.4, "R", 5.4)], None, id="burning CPU for a moment"),
        pytest.param([(0.45, "T", 0), (0.5, "T", 0)], Hang.STOPPED, id="stopped"),
        pytest.param([(0.45, "t", 0), (0.5, "t", 0)], Hang.STOPPED, id="held by a debugger"),
        pytest.param([(0.45, "S", 0), (0.5, "S", 0)], Hang.BLOCKED, id="waiting for a lock"),
        pytest.param([(0.45, "S", 0), (0.5, "D", 0)], Hang.BLOCKED, id="waiting for a disk"),
        pytest.param([(0.45, "R", 0), (0.5, "S", 0)], None, id="asleep for the first look only"),
        pytest.param([(0.2, "R", 0), (2.5, "R", 0.1)], Hang.SILENT, id="silent for too long whatever its state"),
    ],
)
def test_a_standing_heartbeat_is_judged_by_what_the_kernel_says(looks, verdict):
    assert judged(looks) is verdict


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        pytest.param([(0.2, "R", 0.0), (3.0, "R", 3.0)], None, id="busy setting up"),
        pytest.param([(0.2, "S", 0.0), (3.0, "S", 0.0)], None, id="waiting for something"),
        pytest.param([(0.45, "T", 0), (0.5, "T", 0)], Hang.STOPPED, id="stopped"),
        pytest.param([(0.2, "R", 0.0), (10.0, "R", 9.0)], Hang.SILENT, id="never beating"),
    ],
)
def test_a_starting_process_has_more_time(looks, verdict):
    assert judged(looks, started=False) is verdict


def test_a_beat_clears_what_was_held_against_it():
    pulse = Pulse()
    for beat, age in ((1, 0.2), (1, 0.45), (2, 0.2), (2, 0.5)):
        verdict = pulse.judge(beat_ns=beat, started=True, age_seconds=age, look=Seen(("R", float(beat))))
    assert verdict is None


def test_the_state_and_cpu_time_of_a_real_process_are_read():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        assert until(lambda: vitals(process.pid).cpu_seconds > 0.1)
        os.kill(process.pid, signal.SIGSTOP)
        assert until(lambda: vitals(process.pid).state == "T")
        process.kill()
