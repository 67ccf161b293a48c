"""Twice the capacity offered: how much good work is still done, how fast the rest is refused, whether health answers.

The peak is measured right before and right after, on the same process, and the greater one counts; the offer is an open
loop at twice what it was before. There are connections enough for who answers or refuses within `RESTED_SECONDS`, of
which as few are used as are needed: that thousands are open is another scenario's matter. Beyond them, whoever finds
none at rest opens one, and whoever has no answer after `PATIENCE_SECONDS` is gone, which is no good work. Where the
requests did not leave on time, twice the capacity was not offered, and nothing is said about what a product would have
done with it. The speed of a virtual machine may double between the two peaks. So Casino, where it is judged, is asked in
each round, and a missed offer is tried again, up to `TRIES` times; a peer that refuses nobody is drowned by its clients
in every try.

What is asked for decides what can be reached. To refuse costs a read and a write, whatever would have been the answer: if
that is the share r of a request that is served, no more than (1 - 2r)/(1 - r) of the peak is left at twice the capacity
(docs/decisions.md 28). So it is asked twice: for pages, which generator and upstream on one core can truly offer, of every
product; and for the smallest answer there is, of Casino.
"""

import http.client
import time
from collections.abc import Sequence

from bench.fetch import fetch
from bench.load import wrk
from bench.openloop import Offer, offer, percentile
from bench.product import CASINO, Entrant, Product
from bench.scenarios.meanwhile import Meanwhile
from bench.scenarios.scenario import PeakMemory, Setting, Values, with_cost
from bench.serving import Running
from bench.targets import OFFERED_PERCENT

SECONDS = 30.0
QUICK_SECONDS = 6.0
RESTED_SECONDS = 0.25
"""As fast as a refusal must be: who keeps to it has no connections to accept meanwhile, only requests."""
RESTED_CONNECTIONS, MOST_CONNECTIONS = 10_000, 16_000
"""What fits the 20,000 descriptors a process may commonly have, on either side."""
EXCESS = 2.0
OFFERED = OFFERED_PERCENT / 100
"""The least share of the peak that must leave on time for the offer to count as twice the capacity."""
PATIENCE_SECONDS = 1.0
TRIES = 3


class HealthWatch:
    """Asks a product for its health; keeps how long each good answer took."""

    def __init__(self, running: Running) -> None:
        self._port, self._path = running.health_port, running.entrant.product.health
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


def judge(offered: Offer, *, peak: float) -> Values:
    """Sort the answers into good work, refusals and the rest; judge them only if the offer was made."""
    good, shed = offered.times(200), offered.times(503)
    others = {f"status_{status}": times.count for status, times in offered.answers.items() if status not in (200, 503)}
    offered_ratio = offered.on_time / offered.seconds / peak
    values: Values = {
        "offered_ratio": offered_ratio,
        "due_per_second": offered.due / offered.seconds,
        "sent_per_second": offered.sent / offered.seconds,
        "goodput_per_second": good.count / offered.seconds,
        "shed_per_second": shed.count / offered.seconds,
        "good_p99_seconds": good.p99_seconds,
        "unsent_ratio": offered.unsent / max(1, offered.due),
        "gave_up_ratio": offered.gave_up / max(1, offered.due),
        "failed": offered.broken + offered.refused + sum(others.values()),
        "generator_late_p99_seconds": offered.late_p99_seconds,
        "connections": offered.connections,
        **others,
    }
    if shed.count:
        values["shed_p99_seconds"] = shed.p99_seconds
    if offered_ratio >= OFFERED:
        values["goodput_ratio"] = good.count / offered.seconds / peak
    return values


class Overload:
    def __init__(self, name: str, title: str, *, path: str, peers: bool = True) -> None:
        self.name = name
        self.title = title
        self._path = path
        self._peers = peers

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        chosen = [product for product in products if self._peers or product == CASINO]
        return [Entrant(product.name, product, once=product != CASINO or not self._peers) for product in chosen]

    def measure(self, running: Running, setting: Setting) -> Values:
        wrk(running.url(self._path), seconds=1, core=setting.cores.load)
        most = TRIES if running.entrant.product == CASINO else 1
        tries, values = 1, self._offer(running, setting)
        while values["offered_ratio"] < OFFERED and tries < most:
            tries, values = tries + 1, self._offer(running, setting)
        return {**values, "tries": tries}

    def _offer(self, running: Running, setting: Setting) -> Values:
        seconds = QUICK_SECONDS if setting.quick else SECONDS
        before = self._peak(running, setting)
        health = HealthWatch(running)
        with PeakMemory(running) as greatest, Meanwhile(health.ask, every_seconds=0.1):
            offered, cost = with_cost(
                running,
                setting.cores,
                lambda: offer(
                    running.places.public,
                    self._path,
                    rate=EXCESS * before,
                    seconds=seconds,
                    connections=min(RESTED_CONNECTIONS, round(EXCESS * before * RESTED_SECONDS)),
                    most=MOST_CONNECTIONS,
                    patience_seconds=PATIENCE_SECONDS,
                    warm_seconds=0,
                    turn="few",
                    core=setting.cores.load,
                ),
            )
        after = self._peak(running, setting)
        peak = max(before, after)
        return {
            "peak_per_second": peak,
            "peak_before_per_second": before,
            "peak_after_per_second": after,
            **judge(offered, peak=peak),
            "health_ratio": len(health.seconds) / max(1, health.asked),
            "health_p99_seconds": percentile(sorted(health.seconds), 0.99),
            "rss_bytes": greatest.memory.rss_bytes,
            **cost.shares(),
        }

    def _peak(self, running: Running, setting: Setting) -> float:
        closed = wrk(running.url(self._path), seconds=setting.seconds, core=setting.cores.load)
        return closed.requests / closed.seconds
