import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench.openloop import OpenLoop, answer_length, percentile, summarise

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STALL_SECONDS = 0.3


@pytest.mark.parametrize(
    ("share", "value"),
    [pytest.param(0.5, 51, id="median"), pytest.param(0.99, 100, id="p99"), pytest.param(1.0, 100, id="most")],
)
def test_percentiles_of_a_hundred(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value


def test_nothing_answered_has_no_latency() -> None:
    assert summarise([], 5).failed == 5
    assert summarise([], 5).p99_seconds == 0.0


@pytest.mark.parametrize(
    ("buffer", "length"),
    [
        pytest.param(ANSWER, len(ANSWER), id="whole"),
        pytest.param(ANSWER[:20], None, id="head-cut"),
        pytest.param(ANSWER[:-1], len(ANSWER), id="body-cut"),
        pytest.param(ANSWER.lower() + b"HTTP", len(ANSWER), id="lower-case-and-more-behind"),
    ],
)
def test_the_end_of_an_answer_is_found(buffer: bytes, length: int | None) -> None:
    assert answer_length(buffer) == length


def test_an_answer_without_length_is_refused_aloud() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        answer_length(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def serve(listener: socket.socket) -> None:
    """Answer one connection; stall once, in the middle."""
    connection, _ = listener.accept()
    with connection:
        served = 0
        while data := connection.recv(65536):
            for _ in range(data.count(b"\r\n\r\n")):
                served += 1
                if served == 160:
                    time.sleep(STALL_SECONDS)
                connection.sendall(ANSWER)


@pytest.fixture
def stalling_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(5)


def test_a_stall_is_charged_to_every_request_that_was_due_meanwhile(stalling_port: int) -> None:
    loop = OpenLoop(stalling_port, "/", rate=100, seconds=1, connections=1)
    latency = loop.run()
    loop.close()
    assert latency.failed == 0
    assert latency.answered == 100
    # A closed loop would have seen one slow answer in a hundred; here the thirty requests due in the stall wait too.
    slow = [took for took in loop.latencies if took > STALL_SECONDS / 3]
    assert len(slow) >= 15
    assert latency.most_seconds >= STALL_SECONDS
