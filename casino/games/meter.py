"""What a game measures, under the catalogue's names."""

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from casino.games.play import Game
from casino.games.switches import Fault, Switches
from exporters.catalog import games as catalog
from exporters.catalog.metric import Metric


class Meter:
    """The counters of one game, in a registry of their own."""

    def __init__(self, game: Game) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._labels = {"game": game.name, "version": game.version}
        self._answers = Counter(*_family(catalog.ANSWERS), registry=self.registry)
        self._seconds = Histogram(*_family(catalog.ANSWER_SECONDS), registry=self.registry).labels(**self._labels)
        self._faults = Counter(*_family(catalog.FAULTS), registry=self.registry)
        self._switch = Gauge(*_family(catalog.SWITCH), registry=self.registry)
        for fault in Fault:
            self._faults.labels(**self._labels, fault=fault)

    def answered(self, code: int) -> None:
        self._answers.labels(**self._labels, code=code).inc()

    def took(self, seconds: float) -> None:
        self._seconds.observe(seconds)

    def spoiled(self, fault: Fault) -> None:
        self._faults.labels(**self._labels, fault=fault).inc()

    def switched(self, switches: Switches) -> None:
        for name, setting in msgspec.to_builtins(switches).items():
            self._switch.labels(**self._labels, switch=name).set(setting)


def _family(metric: Metric) -> tuple[str, str, tuple[str, ...]]:
    return metric.name, metric.help, metric.labels
