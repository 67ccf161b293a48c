"""What a roll of dice answers: version 1 rolls one die, version 2 several, and answers a client of version 1 as before."""

from collections.abc import Mapping
from random import Random

from msgspec import Struct

from casino.games.play import Game, whole

SIDES = range(2, 1001)
DICE = range(1, 101)


class Roll(Struct, frozen=True):
    """One die."""

    result: int
    sides: int
    version: str = "v1"


class Rolls(Struct, frozen=True):
    """Several dice (`?dice=3`; one unless said) and their sum, under version 1's name so that its clients can read it."""

    dice: tuple[int, ...]
    result: int
    sides: int
    version: str = "v2"


def roll(chance: Random, sides: str, _query: Mapping[str, str]) -> Roll:
    faces = whole("sides", sides, SIDES)
    return Roll(chance.randint(1, faces), faces)


def rolls(chance: Random, sides: str, query: Mapping[str, str]) -> Rolls:
    faces = whole("sides", sides, SIDES)
    dice = tuple(chance.randint(1, faces) for _ in range(whole("dice", query.get("dice", "1"), DICE)))
    return Rolls(dice, sum(dice), faces)


GAMES = (
    Game(name="dice", version="v1", path="/roll/<field>", play=roll),
    Game(name="dice", version="v2", path="/roll/<field>", play=rolls),
)
