"""Twice the capacity offered: how much good work is still done, how fast the rest is refused, whether health answers.

Many connections, each with its own pace, make the offer: as long as a product answers (a 200 or a 503), they keep it up.
An answer later than `PATIENCE_SECONDS` is no good work: a client would have gone.
"""

import http.client
import time
from collections.abc import Sequence

from bench.fetch import fetch
from bench.load import Offered, h2load, wrk
from bench.openloop import percentile
from bench.product import SMALL, Entrant, Product
from bench.scenarios.meanwhile import Meanwhile
from bench.scenarios.scenario import Setting, Values, with_cost
from bench.serving import Running

SECONDS = 30.0
QUICK_SECONDS = 6.0
CONNECTIONS = 2_000
EXCESS = 2.0
PATIENCE_SECONDS = 1.0


class HealthWatch:
    """Asks a product for its health; keeps how long each good answer took."""

    def __init__(self, running: Running) -> None:
        self._port, self._path = running.places.control, running.entrant.product.health
        self.seconds: list[float] = []
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1
        began = time.perf_counter()
        try:
            status, _ = fetch(self._port, self._path, seconds=PATIENCE_SECONDS)
        except (OSError, http.client.HTTPException):
            return
        if status == 200:
            self.seconds.append(time.perf_counter() - began)


def judge(offered: Offered, *, peak: float, seconds: float) -> Values:
    """Sort the answers into good work, refusals and the rest. Rates are per second."""
    good = sorted(took for took in offered.answers.get(200, []) if took <= PATIENCE_SECONDS)
    shed = sorted(offered.answers.get(503, []))
    answered = sum(len(times) for status, times in offered.answers.items() if status > 0)
    late = len(offered.answers.get(200, [])) - len(good)
    others = {f"status_{status}": len(times) for status, times in offered.answers.items() if status not in (200, 503)}
    return {
        "peak_per_second": peak,
        "offered_ratio": answered / seconds / peak,
        "goodput_ratio": len(good) / seconds / peak,
        "goodput_per_second": len(good) / seconds,
        "shed_per_second": len(shed) / seconds,
        "good_p99_seconds": percentile(good, 0.99),
        "shed_p99_seconds": percentile(shed, 0.99),
        "late": late,
        "failed": offered.failed + answered - late - len(good) - len(shed),
        **others,
    }


class Overload:
    name = "overload"
    title = "Twice the capacity offered"
    once = True

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return [Entrant(product.name, product) for product in products]

    def measure(self, running: Running, setting: Setting) -> Values:
        core = setting.cores.load
        seconds = QUICK_SECONDS if setting.quick else SECONDS
        wrk(running.url(), seconds=1, core=core)
        closed = wrk(running.url(), seconds=setting.seconds, core=core)
        peak = closed.requests / closed.seconds
        log = running.places.directory / "h2load.log"
        health = HealthWatch(running)
        with Meanwhile(health.ask, every_seconds=0.1):
            offered, cost = with_cost(
                running,
                setting.cores,
                lambda: h2load(
                    running.url(SMALL), seconds=seconds, core=core, connections=CONNECTIONS, rate=EXCESS * peak, log=log
                ),
            )
        return {
            **judge(offered, peak=peak, seconds=offered.seconds),
            "health_ratio": len(health.seconds) / max(1, health.asked),
            "health_p99_seconds": percentile(sorted(health.seconds), 0.99),
            "rss_bytes": cost.peak.rss_bytes,
            **cost.shares(),
        }
