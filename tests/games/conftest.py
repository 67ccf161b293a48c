import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest


class Running:
    """A game in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "casino.games", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = self.process.stdout.readline()
        self.http = httpx.Client(base_url=self.said.split()[-1], timeout=10)

    def turn(self, **switches: object) -> None:
        self.http.put("/switches", json=switches).raise_for_status()

    def series(self, start: str) -> float:
        [value] = [
            line.rsplit(" ", 1)[1] for line in self.http.get("/metrics").text.splitlines() if line.startswith(start)
        ]
        return float(value)


@contextmanager
def running(*words: str) -> Iterator[Running]:
    game = Running(*words)
    with game.http, game.process:
        try:
            yield game
        finally:
            game.process.kill()


@pytest.fixture(scope="session")
def dice_process() -> Iterator[Running]:
    with running("dice", "--version", "v1", "--seed", "1") as game:
        yield game


@pytest.fixture
def dice(dice_process: Running) -> Iterator[Running]:
    """One process for all tests; each finds its switches off."""
    dice_process.turn()
    return dice_process


@pytest.fixture
def start():
    return running
