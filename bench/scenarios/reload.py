"""Twenty reloads under load: no request may fail, and none may notice.

Kills, upgrades and releases under load are acceptance tests (tests/, `make prove`): their truth is counted per request,
which a rate cannot show.
"""

import http.client
from collections.abc import Sequence

import yaml

from bench.fetch import fetch
from bench.openloop import offer
from bench.product import CASINO, SMALL, Entrant, Product
from bench.scenarios.meanwhile import Meanwhile
from bench.scenarios.scenario import Setting, Values, with_cost
from bench.serving import Running

RELOADS = 20
SECONDS = 12.0
CONNECTIONS = 64
RATE_PER_SECOND = 4_000


class Reloader:
    """Changes the split in the spec and asks for a reload, `RELOADS` times at most."""

    def __init__(self, running: Running) -> None:
        self._path = running.places.directory / "casino.yaml"
        self._spec = yaml.safe_load(self._path.read_text())
        self._port = running.places.control
        self._asked = 0
        self.applied = 0

    def reload(self) -> None:
        if self._asked == RELOADS:
            return
        self._asked += 1
        share = 10 + self._asked
        self._spec["routes"]["roll"]["split"] = {"v1": f"{100 - share}%", "v2": f"{share}%"}
        draft = self._path.with_suffix(".draft")
        draft.write_text(yaml.safe_dump(self._spec, sort_keys=False))
        draft.rename(self._path)  # the gateway watches the file and must never see half of it
        try:
            self.applied += fetch(self._port, "/reload", method="POST")[0] == 200
        except (OSError, http.client.HTTPException):
            return


class Reload:
    name = "reload"
    title = "Twenty reloads under load"

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return [Entrant("casino", CASINO, once=True)] if CASINO in products else []

    def measure(self, running: Running, setting: Setting) -> Values:
        reloader = Reloader(running)
        with Meanwhile(reloader.reload, every_seconds=SECONDS / (RELOADS + 4)):
            offered, cost = with_cost(
                running,
                setting.cores,
                lambda: offer(
                    running.places.public,
                    SMALL,
                    rate=RATE_PER_SECOND,
                    seconds=SECONDS,
                    connections=CONNECTIONS,
                    core=setting.cores.load,
                ),
            )
        good = offered.times(200)
        return {
            "requests_per_second": good.count / SECONDS,
            "failed": offered.failed,
            "shed": offered.times(503).count,
            "reloads": reloader.applied,
            "p99_seconds": good.p99_seconds,
            **cost.shares(),
        }
