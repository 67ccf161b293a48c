"""10,000 idle keep-alive connections: what each costs in memory, and whether the product still answers others."""

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse

import msgspec

from bench.connections import held_by
from bench.fetch import answers
from bench.load import wrk
from bench.product import SMALL, Entrant, Product
from bench.scenarios.scenario import Setting, Values
from bench.scenarios.tls import secured
from bench.serving import Running
from bench.tls import HOST, client_context, connect

IDLE = 10_000
OPEN_SECONDS = 180.0
"""The longest all of them together may take to open; a TLS handshake takes 7 ms of a slow product."""
ANSWER_SECONDS = 5.0
REQUEST = f"GET {SMALL} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n\r\n".encode()


def use_once(port: int, context: ssl.SSLContext | None) -> socket.socket:
    """Open a connection and have one request answered on it, so that it is a keep-alive connection at rest.

    Raises:
        ConnectionError: the product closes it after the answer.

    """
    client = connect(port, ANSWER_SECONDS)
    if context is not None:
        client = context.wrap_socket(client, server_hostname=HOST)
    client.sendall(REQUEST)
    with HTTPResponse(client) as answer:
        answer.begin()
        answer.read()
        if answer.will_close:
            raise ConnectionError("the product closes connections")
    client.setblocking(False)
    return client


@contextmanager
def connections(
    port: int, count: int, context: ssl.SSLContext | None, seconds: float = OPEN_SECONDS
) -> Iterator[list[socket.socket]]:
    """Hold `count` used connections open.

    Raises:
        TimeoutError: they were not all open after so many seconds.

    """
    held: list[socket.socket] = []
    deadline = time.monotonic() + seconds
    try:
        while len(held) < count:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{len(held):,} of {count:,} connections were open after {seconds:.0f} s")
            held.append(use_once(port, context))
        yield held
    finally:
        for client in held:
            client.close()


def is_open(client: socket.socket) -> bool:
    """Tell whether the other side has neither closed nor reset the connection."""
    try:
        return client.recv(1) != b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except ConnectionError:
        return False


class IdleConnections:
    def __init__(self, name: str, title: str, *, tls: bool = False, count: int = IDLE) -> None:
        self.name = name
        self.title = title
        self._tls = tls
        self._count = count

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        plain = [Entrant(product.name, product) for product in products]
        return [msgspec.structs.replace(entrant, once=True) for entrant in (secured(products) if self._tls else plain)]

    def measure(self, running: Running, setting: Setting) -> Values:
        port, context = running.port, client_context(running.places.directory) if self._tls else None
        wrk(running.url(), seconds=1, core=setting.cores.load)
        before = running.tree.memory()
        with connections(port, self._count, context) as held:
            memory = running.tree.memory()
            workers = held_by(running.tree.pids(), port)
            busiest = max(workers, key=workers.__getitem__)
            worker = running.tree.memory({busiest})
            still_open = sum(is_open(client) for client in held)
            serving = answers(running.places.public, SMALL)
        return {
            "rss_bytes_before": before.rss_bytes,
            "rss_bytes": memory.rss_bytes,
            "pss_bytes": memory.pss_bytes,
            "worker_rss_bytes": worker.rss_bytes,
            "worker_pss_bytes": worker.pss_bytes,
            "bytes_per_connection": max(0, memory.pss_bytes - before.pss_bytes) / self._count,
            "open": still_open,
            "failed": self._count - still_open + (not serving),
        }
