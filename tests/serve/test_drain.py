import signal
import socket

import pytest

from gateway.serve.drain import at_once, drain, give_way
from gateway.spec.listen import Drain
from gateway.store.process import Phase
from gateway.store.slot import Word
from tests.serve.running import ask
from tests.waiting import until

POLICY = Drain(grace_seconds=5, deadline_seconds=30)


@pytest.mark.parametrize(
    ("timeline", "moments"),
    [
        pytest.param(
            drain(100, POLICY, was_ready=True),
            {100: Phase.LAME, 104.9: Phase.LAME, 105: Phase.CLOSING, 134: Phase.CLOSING, 135: Phase.STOP},
            id="asked to stop",
        ),
        pytest.param(drain(100, POLICY, was_ready=False), {100: Phase.CLOSING, 130: Phase.STOP}, id="never ready"),
        pytest.param(give_way(100, POLICY), {100: Phase.CLOSING, 130: Phase.STOP}, id="replaced by the next build"),
        pytest.param(at_once(100), {100: Phase.STOP}, id="at once"),
    ],
)
def test_a_drain_moves_on_at_its_moments(timeline, moments):
    assert {moment: timeline.phase(moment, workers=2) for moment in moments} == moments


def test_nothing_is_waited_for_once_the_workers_have_ended():
    assert drain(100, POLICY, was_ready=True).phase(104, workers=0) is Phase.LAME
    assert drain(100, POLICY, was_ready=True).phase(105, workers=0) is Phase.STOP


def test_a_clean_stop_leaves_nothing_behind(gateway):
    process = gateway.start()
    for _ in range(20):
        gateway.get()
    process.terminate()
    assert process.wait(10) == 0
    assert len(gateway.lines()) == 20
    assert not gateway.run.path.exists()
    assert not (gateway.place / "control.sock").exists()


def test_a_folder_with_other_files_is_no_place_to_run_in(gateway):
    gateway.run.path.mkdir()
    (gateway.run.path / "letter.txt").touch()
    process = gateway.launch()
    assert process.wait(10) == 2
    assert "no run directory" in gateway.stderr.read_text()
    assert (gateway.run.path / "letter.txt").exists()


def test_connections_are_served_through_the_grace_and_then_told_to_close(gateway):
    gateway.write_spec(grace="2500ms")
    process = gateway.start()
    phase = gateway.slot("supervisor").words
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as connection:
        ask(connection, close=False)
        process.terminate()
        until(lambda: phase[Word.PHASE] == Phase.LAME)
        gateway.get()
        ask(connection, close=False)
        assert not ask.closes
        until(lambda: phase[Word.PHASE] == Phase.CLOSING)
        until(lambda: (ask(connection, close=False), ask.closes)[1] if process.poll() is None else True)
        assert ask.closes
    assert process.wait(10) == 0


def test_a_connection_that_stays_is_cut_at_the_deadline(gateway):
    gateway.write_spec()
    gateway.spec.write_text(gateway.spec.read_text().replace("deadline: 5s", "deadline: 300ms"))
    process = gateway.start()
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        ask(connection, close=False)
        process.terminate()
        assert connection.recv(100) == b""
    assert process.wait(10) == 0


def test_a_second_interrupt_ends_it_at_once(gateway):
    gateway.write_spec(grace="60s")
    process = gateway.start()
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        ask(connection, close=False)
        process.send_signal(signal.SIGINT)
        until(lambda: gateway.slot("supervisor").words[Word.PHASE] == Phase.LAME)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_a_stop_before_it_was_ever_ready_ends(gateway):
    gateway.misdeed("worker-1", "always-exit")
    process = gateway.launch()
    until(lambda: gateway.events("process_ended"))
    process.terminate()
    assert process.wait(10) == 0
