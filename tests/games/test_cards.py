from random import Random

import pytest

from casino.games.cards import CREATURES, DECK, HAND, pokemon, poker, worth
from casino.games.play import Foul


def test_no_card_is_dealt_twice():
    hand = poker(Random(1), "20", {})
    assert len(set(hand.cards)) == hand.count == 20
    assert set(hand.cards) <= set(DECK)


def test_the_pokemon_variant_deals_creatures():
    hand = pokemon(Random(1), "5", {})
    assert len(set(hand.cards)) == 5
    assert set(hand.cards) <= set(CREATURES)


@pytest.mark.parametrize("deal", [poker, pokemon])
def test_both_variants_allow_the_same_hands(deal):
    assert deal(Random(1), str(HAND[-1]), {}).count == HAND[-1]
    with pytest.raises(Foul, match="count must be a whole number from 1 to 20"):
        deal(Random(1), str(HAND[-1] + 1), {})


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ("A♠ K♠ Q♠ J♠ T♠", "straight flush"),
        ("A♣ A♦ A♥ A♠ 2♣", "four of a kind"),
        ("A♣ A♦ A♥ 2♠ 2♣", "full house"),
        ("2♣ 5♣ 9♣ J♣ K♣", "flush"),
        ("6♣ 5♦ 4♣ 3♣ 2♣", "straight"),
        ("A♣ 5♦ 4♣ 3♣ 2♣", "straight"),
        ("Q♣ K♦ A♣ 2♣ 3♣", "high card"),
        ("7♣ 7♦ 7♥ 2♠ 3♣", "three of a kind"),
        ("7♣ 7♦ 2♥ 2♠ 3♣", "two pair"),
        ("7♣ 7♦ 2♥ 4♠ 3♣", "one pair"),
        ("7♣ 8♦ 2♥ 4♠ 3♣", "high card"),
    ],
)
def test_a_hand_of_five_is_worth(cards, expected):
    assert worth(tuple(cards.split())) == expected
