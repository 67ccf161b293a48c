"""10,000 idle keep-alive connections: what each costs in memory, and whether the product still answers others."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.connections import held_by
from bench.fetch import answers
from bench.load import wrk
from bench.openloop import answer_length
from bench.product import SMALL, Entrant, Product
from bench.scenarios.scenario import Setting, Values
from bench.serving import Running

IDLE = 10_000
REQUEST = f"GET {SMALL} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n\r\n".encode()


def use_once(port: int) -> socket.socket:
    """Open a connection and have one request answered on it, so that it is a keep-alive connection at rest."""
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    client.sendall(REQUEST)
    buffer = b""
    while (length := answer_length(buffer)) is None or len(buffer) < length:
        data = client.recv(65536)
        if not data:
            raise ConnectionError("the product closed a connection instead of answering")
        buffer += data
    client.setblocking(False)
    return client


@contextmanager
def connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Hold `count` used connections open."""
    held: list[socket.socket] = []
    try:
        held.extend(use_once(port) for _ in range(count))
        yield held
    finally:
        for client in held:
            client.close()


def is_open(client: socket.socket) -> bool:
    """Tell whether the other side has neither closed nor reset the connection."""
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


class IdleConnections:
    name = "idle"
    title = "10,000 idle keep-alive connections"
    once = True

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return [Entrant(product.name, product) for product in products]

    def measure(self, running: Running, setting: Setting) -> Values:
        port = running.places.public
        wrk(running.url(), seconds=1, core=setting.cores.load)
        before = running.tree.memory()
        with connections(port, IDLE) as held:
            memory = running.tree.memory()
            workers = held_by(running.tree.pids(), port)
            busiest = max(workers, key=workers.__getitem__)
            worker = running.tree.memory({busiest})
            still_open = sum(is_open(client) for client in held)
            serving = answers(port, SMALL)
        return {
            "rss_bytes_before": before.rss_bytes,
            "rss_bytes": memory.rss_bytes,
            "pss_bytes": memory.pss_bytes,
            "worker_rss_bytes": worker.rss_bytes,
            "worker_pss_bytes": worker.pss_bytes,
            "bytes_per_connection": max(0, memory.pss_bytes - before.pss_bytes) / IDLE,
            "open": still_open,
            "failed": IDLE - still_open + (not serving),
        }
