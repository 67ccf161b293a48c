"""What a game is: a path with one field, and a pure play that answers it. The draws of chance are handed in."""

from collections.abc import Callable, Mapping
from random import Random

from msgspec import Struct


class Foul(ValueError):  # noqa: N818 - a word of the game
    """The player asked for something the rules do not allow; the text says what they do."""


class Game(Struct, frozen=True, kw_only=True):
    """One version of one game."""

    name: str
    version: str
    path: str
    """Where it is played, in Sanic's notation; the only field is called `field`."""
    play: Callable[[Random, str, Mapping[str, str]], Struct]
    """(chance, the path's field, the query) to what is answered as JSON. Raises `Foul`."""


def whole(name: str, text: str, allowed: range) -> int:
    """Read a whole number the player gave. `int` alone would take `+5`, `1_000` and the digits of other scripts."""
    if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) in allowed:
        return int(text)
    raise Foul(f"{name} must be a whole number from {allowed[0]} to {allowed[-1]}")
