"""Requests at a stated rate, whatever becomes of them, from a process of its own; tells what became of them as JSON.

`python -m tests.faults.paced PORT RATE SECONDS CONNECTIONS KIND TOKEN`: KIND `same` shows the token itself in each request,
`distinct` another one each time, with the same head and claims and a signature that is wrong. No request
waits for the answer to another one, so what a slow answer holds up is seen (no coordinated omission).
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvloop

from tests.checkout import ROOT

TICK_SECONDS = 0.001
WARM_SECONDS = 1.0
"""What is sent in the first second is answered and not timed: processes that start beside each other hold each other up."""


class Connection(asyncio.Protocol):
    """One of the connections; answers come in the order of the requests."""

    def __init__(self, note: Callable[[float, int], None]) -> None:
        self.asked: deque[float] = deque()
        self._note = note
        self._received = b""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._received + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            at = data.lower().find(b"content-length: ", 0, end)
            whole = end + 4 + int(data[at + 16 : data.index(b"\r", at)])
            if len(data) < whole:
                break
            self._note(self.asked.popleft(), int(data[9:12]))
            data = data[whole:]
        self._received = data


async def run(port: int, rate: float, seconds: float, connections: int, request: Callable[[], bytes]) -> dict:
    loop, statuses, took = asyncio.get_running_loop(), Counter(), []

    def note(asked: float, status: int) -> None:
        statuses[status] += 1
        if asked - begun >= WARM_SECONDS:
            took.append(time.perf_counter() - asked)

    opened = [
        (await loop.create_connection(lambda: Connection(note), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    begun, sent = time.perf_counter(), 0
    while (now := time.perf_counter()) - begun < WARM_SECONDS + seconds:
        while begun + sent / rate <= now:
            connection = opened[sent % connections]
            connection.asked.append(time.perf_counter())
            connection.transport.write(request())
            sent += 1
        await asyncio.sleep(TICK_SECONDS)
    deadline = time.perf_counter() + 5
    while any(one.asked for one in opened) and time.perf_counter() < deadline:
        await asyncio.sleep(TICK_SECONDS)
    took.sort()
    return {
        "sent": sent,
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
    sys.stdout.write(json.dumps(uvloop.run(run(int(port), float(rate), float(seconds), int(connections), made))))
