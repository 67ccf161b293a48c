"""Twenty reloads under load: no request may fail, and none may notice.

Kills, upgrades and releases under load are acceptance tests (tests/, `make prove`): their truth is counted per request,
which a rate cannot show.
"""

import http.client
from collections.abc import Sequence

import yaml

from bench.fetch import fetch
from bench.load import h2load
from bench.openloop import percentile
from bench.product import CASINO, Entrant, Product
from bench.scenarios.meanwhile import Meanwhile
from bench.scenarios.scenario import Setting, Values, with_cost
from bench.serving import Running

RELOADS = 20
SECONDS = 12.0
CONNECTIONS = 64


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
    once = True

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        return [Entrant("casino", CASINO)] if CASINO in products else []

    def measure(self, running: Running, setting: Setting) -> Values:
        core, log = setting.cores.load, running.places.directory / "h2load.log"
        reloader = Reloader(running)
        with Meanwhile(reloader.reload, every_seconds=SECONDS / (RELOADS + 4)):
            load, cost = with_cost(
                running,
                setting.cores,
                lambda: h2load(running.url(), seconds=SECONDS, core=core, connections=CONNECTIONS, log=log),
            )
        good = sorted(load.answers.get(200, []))
        return {
            "requests_per_second": len(good) / load.seconds,
            "failed": load.requests + load.failed - len(good),
            "shed": len(load.answers.get(503, [])),
            "reloads": reloader.applied,
            "p99_seconds": percentile(good, 0.99),
            **cost.shares(),
        }
