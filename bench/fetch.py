"""Small questions to a product: one request, is it there, has it happened yet."""

import http.client
import socket
import time
from collections.abc import Callable, Mapping


def free_ports(count: int) -> list[int]:
    """Let the system choose ports; they are free until somebody else is given them, which a start then reports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Poll a condition; False when it did not come true in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def fetch(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    seconds: float = 5,
) -> tuple[int, bytes]:
    """Make one request on a connection of its own.

    Raises:
        OSError, http.client.HTTPException: no valid answer in time.

    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def answers(port: int, path: str, headers: Mapping[str, str] | None = None) -> bool:
    try:
        return fetch(port, path, headers=headers, seconds=1)[0] == 200
    except (OSError, http.client.HTTPException):
        return False
