"""Open loop at 1,000 requests a second: what a product adds to the latency of going direct."""

from collections.abc import Sequence

from bench.openloop import offer
from bench.product import SMALL, Entrant, Product
from bench.scenarios.closed import with_direct
from bench.scenarios.scenario import Setting, Values, with_cost
from bench.serving import Running

RATE_PER_SECOND = 1_000
CONNECTIONS = 64


class AddedLatency:
    name = "latency"
    title = "Latency at 1,000 requests/s, open loop"

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return with_direct(products)

    def measure(self, running: Running, setting: Setting) -> Values:
        offered, cost = with_cost(
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
        good = offered.times(200)
        return {
            "p50_seconds": good.p50_seconds,
            "p99_seconds": good.p99_seconds,
            "p999_seconds": good.p999_seconds,
            "most_seconds": good.most_seconds,
            "failed": offered.failed,
            "generator_late_p99_seconds": offered.late_p99_seconds,
            "cpu_seconds_per_request": cost.cpu_seconds / max(1, good.count),
            **cost.shares(),
        }
