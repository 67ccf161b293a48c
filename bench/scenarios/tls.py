"""TLS 1.3 beside the peers: with the same certificate (ECDSA on P-256), the same ALPN, and tickets to resume by.

Throughput is the small GET in a closed loop. Handshakes are whole connections: handshake, one GET, end; each full, or
each resuming the session before it, which the clients make sure of. Signing costs a server less than verifying costs a
client, so the generator's core is mostly the limit: the CPU time of the product per connection compares them.
"""

import ssl
from collections.abc import Sequence

from bench.handshakes import Crew
from bench.product import CASINO, Entrant, Product
from bench.scenarios.scenario import Setting, Values, with_cost
from bench.serving import Running, patched

CLIENTS = 8
WARM_SECONDS = 0.5
CASINO_TLS = {
    "listen": {
        "public": [
            "127.0.0.1:@PUBLIC@",
            {
                "address": "127.0.0.1:@TLS@",
                "tls": {
                    "minimum": "1.3",
                    "certificates": [{"certificate": "@DIR@/server.pem", "key": "@DIR@/server.key"}],
                },
            },
        ]
    }
}
"""A patch: Casino's own configuration is without TLS, so that the other scenarios measure it without."""


def secured(products: Sequence[Product]) -> list[Entrant]:
    """Take those that speak TLS, and speak it with them."""
    return [
        Entrant(product.name, product, patched(CASINO_TLS) if product is CASINO else None, tls=True)
        for product in products
        if product.tls
    ]


class HandshakeRate:
    def __init__(self, name: str, title: str, *, resume: bool) -> None:
        self.name = name
        self.title = title
        self._resume = resume

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return secured(products)

    def measure(self, running: Running, setting: Setting) -> Values:
        place, core = running.places.directory, setting.cores.load
        with Crew(running.port, place, clients=CLIENTS, resume=self._resume, core=core) as crew:
            crew.shake(WARM_SECONDS)
            shaken, cost = with_cost(running, setting.cores, lambda: crew.shake(setting.seconds))
        if not shaken.connections:
            raise ssl.SSLError(f"no connection was made: {shaken.failed} failed")
        return {
            "connections_per_second": shaken.connections / shaken.seconds,
            "resumed_ratio": shaken.resumed / shaken.connections,
            "cpu_seconds_per_connection": cost.cpu_seconds / shaken.connections,
            "p50_seconds": shaken.p50_seconds,
            "p99_seconds": shaken.p99_seconds,
            "failed": shaken.failed,
            **cost.shares(),
        }
