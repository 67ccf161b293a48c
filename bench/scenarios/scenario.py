"""What every scenario is, and the one way in which the cost of some work is taken."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar

import msgspec

from bench.machine import Cores, busy_ratio, core_time, stolen_ratio
from bench.product import Entrant, Product
from bench.scenarios.meanwhile import Meanwhile
from bench.serving import Running
from bench.tree import Memory

Values = dict[str, float]
"""What one measurement found; the unit is in the name. `median` and the tables work on these names."""
T = TypeVar("T")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What all measurements of one run share."""

    cores: Cores
    seconds: float
    """Length of one measurement."""
    quick: bool = False


class Scenario(Protocol):
    """One kind of measurement. An instance serves one run and may remember what its first entrant told it."""

    name: str
    title: str

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        """Say who takes part, in the order of each round; none when nobody it is about was asked for."""

    def measure(self, running: Running, setting: Setting) -> Values:
        """Take one measurement on an entrant that has just come up."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What some work cost the machine."""

    cpu_seconds: float
    """Of all processes of the product."""
    product_busy_ratio: float
    load_busy_ratio: float
    stolen_ratio: float
    others_ratio: float
    """The share of the product's core that went to processes that are not the product's: a disturbed measurement."""

    def shares(self) -> Values:
        return {
            "product_busy_ratio": self.product_busy_ratio,
            "load_busy_ratio": self.load_busy_ratio,
            "stolen_ratio": self.stolen_ratio,
            "others_ratio": self.others_ratio,
        }


class PeakMemory:
    """The greatest memory of a product while a block runs.

    Its processes are found once, before: a walk through /proc takes ten milliseconds of some core, and twice a second
    that alone is the p99 of a product that is otherwise at rest.
    """

    def __init__(self, running: Running) -> None:
        self._tree = running.tree
        self._pids = running.tree.pids()
        self._meanwhile = Meanwhile(self._sample, every_seconds=0.5)
        self.memory = running.tree.memory(self._pids)

    def __enter__(self) -> Self:
        self._meanwhile.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._meanwhile.__exit__(*error)
        self._sample()

    def _sample(self) -> None:
        now = self._tree.memory(self._pids)
        self.memory = Memory(max(self.memory.pss_bytes, now.pss_bytes), max(self.memory.rss_bytes, now.rss_bytes))


def with_cost(running: Running, cores: Cores, work: Callable[[], T]) -> tuple[T, Cost]:
    """Do some work and say what it cost the product and the two cores."""
    cpu, load, product = running.tree.cpu_seconds(), core_time(cores.load), core_time(cores.product)
    began = time.perf_counter()
    outcome = work()
    seconds = time.perf_counter() - began
    load_after, product_after = core_time(cores.load), core_time(cores.product)
    cpu_after = running.tree.cpu_seconds()
    busy = busy_ratio(product, product_after)
    return outcome, Cost(
        cpu_seconds=cpu_after - cpu,
        product_busy_ratio=busy,
        load_busy_ratio=busy_ratio(load, load_after),
        stolen_ratio=stolen_ratio(product, product_after),
        others_ratio=max(0.0, busy - (cpu_after - cpu) / seconds),
    )
