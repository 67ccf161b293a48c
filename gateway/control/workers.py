"""The workers of this build as control sees them: by the words of their slots, never by asking."""

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gateway.store.slot import Slot, Word

FRESH_SECONDS = 1.0
"""A worker whose last heartbeat is older does not count: it is dead, stopped or hangs, and is about to be replaced."""


class Worker(msgspec.Struct, frozen=True):
    """One worker at one moment."""

    name: str
    number: int
    pid: int
    live: bool
    heartbeat_age_seconds: float
    uptime_seconds: float
    generation: int
    digest: str
    connections: int
    lag_seconds: float


class Workers:
    """All workers of the build, in order."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.slots = tuple(Slot.open(path) for path in paths)

    def live(self) -> list[Slot]:
        """List the slots of those that beat."""
        now = time.monotonic_ns()
        return [slot for slot in self.slots if _age_seconds(slot, now) < FRESH_SECONDS]

    def applied(self, word: Word, value: int) -> bool:
        """Say whether every living worker has applied this generation or edition."""
        return all(slot.words[word] >= value for slot in self.live())

    def look(self) -> list[Worker]:
        """Read everything the workers say of themselves."""
        now = time.monotonic_ns()
        return [_worker(slot, now) for slot in self.slots]


def heartbeat_ages(slots: Iterable[Slot]) -> dict[str, float]:
    """Return how many seconds ago each process last beat, by name; those that never lived are left out."""
    now = time.monotonic_ns()
    return {slot.name: max(0.0, _age_seconds(slot, now)) for slot in slots if slot.words[Word.PID]}


def number(slot: Slot) -> int:
    """Return the number of a worker (from 1) by the name of its slot."""
    return int(slot.name.removeprefix("worker-"))


def _age_seconds(slot: Slot, now: int) -> float:
    """How long ago the last heartbeat was; a slot nobody ever owned never beat."""
    return (now - slot.words[Word.HEARTBEAT]) / 1e9 if slot.words[Word.PID] else float("inf")


def _worker(slot: Slot, now: int) -> Worker:
    words = slot.words
    age = _age_seconds(slot, now)
    return Worker(
        name=slot.name,
        number=number(slot),
        pid=words[Word.PID],
        live=age < FRESH_SECONDS,
        heartbeat_age_seconds=max(0.0, age),
        uptime_seconds=(now - words[Word.STARTED]) / 1e9,
        generation=words[Word.GENERATION],
        digest=f"{words[Word.DIGEST]:016x}",
        connections=words[Word.CONNECTIONS],
        lag_seconds=words[Word.LAG] / 1e9,
    )
