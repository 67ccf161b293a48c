"""Every version of every game, by name."""

from casino.games import cards, dice
from casino.games.play import Game

GAMES: dict[tuple[str, str], Game] = {(game.name, game.version): game for game in (*dice.GAMES, *cards.GAMES)}
