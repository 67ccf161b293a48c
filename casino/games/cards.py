"""What a hand of cards answers: a poker hand, or its pokemon variant."""

from collections import Counter
from collections.abc import Mapping
from random import Random

from msgspec import UNSET, Struct, UnsetType

from casino.games.play import Game, whole

FACES = "23456789TJQKA"
DECK = tuple(face + suit for suit in "♣♦♥♠" for face in FACES)
HAND = range(1, 21)
"""How many cards a hand may have, the same in both variants."""

WHEEL = {"A", "2", "3", "4", "5"}
GROUPS = {
    (4, 1): "four of a kind",
    (3, 2): "full house",
    (3, 1, 1): "three of a kind",
    (2, 2, 1): "two pair",
    (2, 1, 1, 1): "one pair",
    (1, 1, 1, 1, 1): "high card",
}
"""What a five-card hand is worth by how many of its cards share a face."""


class Creature(Struct, frozen=True):
    """One card of the pokemon deck."""

    name: str
    element: str


CREATURES = tuple(
    Creature(name, element)
    for element, names in {
        "fire": ("Charmander", "Vulpix", "Growlithe", "Ponyta"),
        "water": ("Squirtle", "Psyduck", "Poliwag", "Staryu"),
        "grass": ("Bulbasaur", "Oddish", "Bellsprout", "Tangela"),
        "electric": ("Pikachu", "Magnemite", "Voltorb", "Jolteon"),
        "psychic": ("Abra", "Drowzee", "Jynx", "Mewtwo"),
        "rock": ("Geodude", "Onix", "Rhyhorn", "Aerodactyl"),
    }.items()
    for name in names
)


class PokerHand(Struct, frozen=True):
    """Cards as face and suit (`T♠` is the ten of spades); `worth` only for a hand of five."""

    cards: tuple[str, ...]
    count: int
    worth: str | UnsetType = UNSET
    version: str = "poker"


class PokemonHand(Struct, frozen=True):
    """Cards as creatures."""

    cards: tuple[Creature, ...]
    count: int
    version: str = "pokemon"


def worth(cards: tuple[str, ...]) -> str:
    """Rank five cards by the rules of poker."""
    faces = sorted(FACES.index(card[0]) for card in cards)
    flush = len({card[1] for card in cards}) == 1
    straight = faces == list(range(faces[0], faces[0] + 5)) or {card[0] for card in cards} == WHEEL
    if straight:
        return "straight flush" if flush else "straight"
    if flush:
        return "flush"
    return GROUPS[tuple(sorted(Counter(faces).values(), reverse=True))]


def poker(chance: Random, count: str, _query: Mapping[str, str]) -> PokerHand:
    cards = tuple(chance.sample(DECK, whole("count", count, HAND)))
    return PokerHand(cards, len(cards), worth(cards) if len(cards) == 5 else UNSET)


def pokemon(chance: Random, count: str, _query: Mapping[str, str]) -> PokemonHand:
    cards = tuple(chance.sample(CREATURES, whole("count", count, HAND)))
    return PokemonHand(cards, len(cards))


GAMES = (
    Game(name="cards", version="poker", path="/cards/<field>", play=poker),
    Game(name="cards", version="pokemon", path="/cards/<field>", play=pokemon),
)
