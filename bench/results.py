"""What a run found: every sample as it was taken, and the medians and comparisons made from them. Pure."""

from collections.abc import Iterable
from statistics import median

import msgspec

from bench.machine import Machine


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of one entrant in one round."""

    scenario: str
    entrant: str
    round: int
    values: dict[str, float]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why an entrant has no numbers."""

    entrant: str
    scenario: str
    """Empty: in none of them."""
    reason: str

    def excludes(self, entrant: str, scenario: str) -> bool:
        return self.entrant == entrant and self.scenario in ("", scenario)


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """One run, whole: what build/bench/results.json holds."""

    when: str
    """Start of the run, ISO 8601, UTC."""
    machine: Machine
    versions: dict[str, str]
    rounds: int
    seconds: float
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()
    again: dict[str, str] = {}
    """Scenarios whose samples are of a later run, and when that was."""

    def then(self, later: "Results") -> "Results":
        """Take what a later run of the same products on the same machine measured for what was measured before.

        Raises:
            ValueError: machine, products, rounds or their length are others, or somebody was not measured again.
        """
        if later.machine != self.machine or not later.versions.items() <= self.versions.items():
            raise ValueError("it is of another machine, or of other products")
        if (later.rounds, later.seconds) != (self.rounds, self.seconds):
            raise ValueError(
                f"it is of {later.rounds} rounds of {later.seconds:g} s, not {self.rounds} of {self.seconds:g} s"
            )
        measured = {sample.scenario for sample in later.samples}
        for scenario in measured:
            if missing := sorted(set(self.entrants(scenario)) - set(later.entrants(scenario))):
                raise ValueError(f"{', '.join(missing)} of {scenario} was not measured again")
        kept = tuple(sample for sample in self.samples if sample.scenario not in measured)
        return msgspec.structs.replace(
            self,
            samples=kept + later.samples,
            problems=tuple(one for one in self.problems if one.scenario not in measured) + later.problems,
            again=self.again | dict.fromkeys(sorted(measured), later.when),
        )

    def entrants(self, scenario: str) -> list[str]:
        """List who was measured, in the order of the first round."""
        return list(dict.fromkeys(sample.entrant for sample in self.samples if sample.scenario == scenario))

    def values(self, scenario: str, entrant: str, key: str) -> dict[int, float]:
        """Collect one value by round."""
        return {
            sample.round: sample.values[key]
            for sample in self.samples
            if sample.scenario == scenario and sample.entrant == entrant and key in sample.values
        }

    def median(self, scenario: str, entrant: str, key: str) -> float | None:
        return middle(self.values(scenario, entrant, key).values())

    def ratio(self, scenario: str, key: str, entrant: str, base: str) -> float | None:
        """Compare two entrants: the median of the ratios within each round, so that slow rounds cancel out."""
        ours, theirs = self.values(scenario, entrant, key), self.values(scenario, base, key)
        return middle(ours[turn] / theirs[turn] for turn in ours.keys() & theirs.keys() if theirs[turn])

    def added(self, scenario: str, key: str, entrant: str, base: str) -> float | None:
        """Subtract two entrants: the median of the differences within each round."""
        ours, theirs = self.values(scenario, entrant, key), self.values(scenario, base, key)
        return middle(ours[turn] - theirs[turn] for turn in ours.keys() & theirs.keys())


def middle(values: Iterable[float]) -> float | None:
    """Take the median; None of nothing."""
    found = list(values)
    return median(found) if found else None
