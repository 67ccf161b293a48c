"""Requests at a stated rate, whatever becomes of them, from a process of its own; tells what became of them as JSON.

`python -m tests.faults.paced PORT RATE SECONDS CONNECTIONS KIND TOKEN`: KIND `same` shows the token itself in each request,
`distinct` another one each time, with the same head and claims and a signature that is wrong. No request
waits for the answer to another one, so what a slow answer holds up is seen (no coordinated omission).
"""

import base64
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.checkout import ROOT

WARM_SECONDS = 1.0
"""What is sent in the first second is answered and not timed: processes that start beside each other hold each other up."""
LATE_SECONDS = 5.0
"""How long answers are waited for once all has been sent."""


class Connection:
    """One of the connections; answers come in the order of the requests."""

    def __init__(self, port: int) -> None:
        self.asked: deque[float] = deque()
        self._received = b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, request: bytes) -> float:
        """Send it now, and return when that was."""
        now = time.perf_counter()
        self.asked.append(now)
        if self._socket.send(request) != len(request):
            raise BlockingIOError("the gateway does not read: waiting for it would hold up what is due")
        return now

    def answers(self) -> Iterator[tuple[float, int]]:
        """Give when each was asked for, and its status."""
        news = self._socket.recv(65536)
        if not news:
            raise ConnectionError("the gateway closed a connection")
        data = self._received + news
        while (end := data.find(b"\r\n\r\n")) >= 0:
            at = data.lower().find(b"content-length: ", 0, end)
            whole = end + 4 + int(data[at + 16 : data.index(b"\r", at)])
            if len(data) < whole:
                break
            yield self.asked.popleft(), int(data[9:12])
            data = data[whole:]
        self._received = data


def run(port: int, rate: float, seconds: float, connections: int, request: Callable[[], bytes]) -> dict:
    """Ask one by one, each when it is due: a timer of whole milliseconds would make bursts of a rate."""
    opened = [Connection(port) for _ in range(connections)]
    statuses, took = Counter(), []
    begun, sent, in_time = time.perf_counter(), 0, 0
    most = int(rate * (WARM_SECONDS + seconds))
    while sent < most or any(one.asked for one in opened):
        while sent < most and begun + sent / rate <= time.perf_counter():
            in_time += opened[sent % connections].ask(request()) <= begun + WARM_SECONDS + seconds
            sent += 1
        due = begun + sent / rate if sent < most else begun + most / rate + LATE_SECONDS
        left = due - time.perf_counter()
        if left <= 0 and sent == most:
            break
        for connection in select.select(opened, (), (), max(left, 0))[0]:
            for asked, status in connection.answers():
                statuses[status] += 1
                if asked - begun >= WARM_SECONDS:
                    took.append(time.perf_counter() - asked)
    took.sort()
    return {
        "sent": sent,
        "in_time": in_time,
        "statuses": dict(statuses),
        "p50": took[len(took) // 2],
        "p99": took[int(len(took) * 0.99)],
        "most": took[-1],
    }


def requests(kind: str, token: bytes) -> Callable[[], bytes]:
    head = b"GET /guarded HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n\r\n"
    if kind == "same":
        whole = head % token
        return lambda: whole
    signed, _, signature = token.rpartition(b".")
    length = len(base64.urlsafe_b64decode(signature + b"=="))

    def another() -> bytes:
        wrong = base64.urlsafe_b64encode(os.urandom(length)).rstrip(b"=")
        return head % (signed + b"." + wrong)

    return another


@contextmanager
def paced(
    port: int, *, rate: int, seconds: float, connections: int, kind: str, token: bytes, gives_way: bool = False
) -> Iterator[Callable]:
    """Run it beside; what is yielded waits for the end and returns what it told.

    `gives_way`: it runs when a core is free, so that its own need of the CPU is not taken for what it does to others.
    """
    command = [sys.executable, "-m", "tests.faults.paced", *map(str, (port, rate, seconds, connections)), kind, token]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        if gives_way:
            os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
        yield lambda: json.loads(process.communicate()[0])


if __name__ == "__main__":
    port, rate, seconds, connections, kind, token = sys.argv[1:]
    made = requests(kind, token.encode())
    sys.stdout.write(json.dumps(run(int(port), float(rate), float(seconds), int(connections), made)))
