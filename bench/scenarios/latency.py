"""Open loop at 1,000 requests a second: what a product adds to the latency of going direct."""

from collections.abc import Sequence

from bench.openloop import offer
from bench.product import DIRECT, SMALL, Entrant, Product
from bench.scenarios.scenario import Setting, Values, with_cost
from bench.serving import Running

RATE_PER_SECOND = 1_000
CONNECTIONS = 64


class AddedLatency:
    name = "latency"
    title = "Latency at 1,000 requests/s, open loop"
    once = False

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return [Entrant(product.name, product) for product in (DIRECT, *products)]

    def measure(self, running: Running, setting: Setting) -> Values:
        latency, cost = with_cost(
            running,
            setting.cores,
            lambda: offer(
                running.places.public,
                SMALL,
                rate=RATE_PER_SECOND,
                seconds=setting.seconds,
                connections=CONNECTIONS,
                core=setting.cores.load,
            ),
        )
        return {
            "p50_seconds": latency.p50_seconds,
            "p99_seconds": latency.p99_seconds,
            "p999_seconds": latency.p999_seconds,
            "most_seconds": latency.most_seconds,
            "failed": latency.failed,
            "cpu_seconds_per_request": cost.cpu_seconds / max(1, latency.answered),
            **cost.shares(),
        }
