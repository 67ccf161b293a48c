"""Two workers against one, on the same core at the same offered rate: what does sharing cost, and is it fair?"""

from collections.abc import Sequence

from bench.connections import held_by
from bench.openloop import offer
from bench.product import CASINO, SMALL, Entrant, Product
from bench.scenarios.meanwhile import Meanwhile
from bench.scenarios.scenario import Setting, Values, with_cost
from bench.serving import Running, patched

RATE_PER_SECOND = 4_000
"""Well below what one worker can do, so that both serve exactly the same."""
CONNECTIONS = 64


class Holders:
    """The connections that each serving process held when most of them were open, most first."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.connections: list[int] = []

    def count(self) -> None:
        held = held_by(self._running.tree.pids(), self._running.places.public)
        if sum(held.values()) >= sum(self.connections):
            self.connections = sorted((count for count in held.values() if count), reverse=True)


class Workers:
    name = "workers"
    title = "Two workers against one at 4,000 requests/s"

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return [
            Entrant(f"casino, {count} worker{'s' * (count > 1)}", CASINO, patched({"workers": count}))
            for count in (1, 2)
            if CASINO in products
        ]

    def measure(self, running: Running, setting: Setting) -> Values:
        seconds = max(3.0, setting.seconds)
        holders = Holders(running)
        with Meanwhile(holders.count, every_seconds=1):
            offered, cost = with_cost(
                running,
                setting.cores,
                lambda: offer(
                    running.places.public,
                    SMALL,
                    rate=RATE_PER_SECOND,
                    seconds=seconds,
                    connections=CONNECTIONS,
                    core=setting.cores.load,
                ),
            )
        good = offered.times(200).count
        return {
            "requests_per_second": good / seconds,
            "cpu_seconds_per_request": cost.cpu_seconds / max(1, good),
            "busiest_share_ratio": holders.connections[0] / CONNECTIONS if holders.connections else 0.0,
            "serving_processes": len(holders.connections),
            "failed": offered.failed,
            **cost.shares(),
        }
