from random import Random

import pytest

from casino.games.dice import roll, rolls
from casino.games.play import Foul


def test_a_roll_is_every_face_and_no_other():
    chance = Random(1)
    assert {roll(chance, "6", {}).result for _ in range(300)} == {1, 2, 3, 4, 5, 6}


def test_the_same_seed_rolls_the_same():
    assert [roll(Random(7), "20", {}) for _ in range(3)] == [roll(Random(7), "20", {}) for _ in range(3)]


def test_version_2_answers_a_client_of_version_1_as_before():
    assert rolls(Random(3), "6", {}).result == roll(Random(3), "6", {}).result


def test_version_2_adds_up_its_dice():
    thrown = rolls(Random(3), "6", {"dice": "5"})
    assert len(thrown.dice) == 5
    assert thrown.result == sum(thrown.dice)


@pytest.mark.parametrize(
    "sides",
    [
        pytest.param("1", id="a coin has a better name"),
        pytest.param("1001", id="too many"),
        pytest.param("9" * 5000, id="longer than int() takes"),
        pytest.param("-6", id="negative"),
        pytest.param("+6", id="signed"),
        pytest.param("6_0", id="underscore"),
        pytest.param("٦", id="digit of another script"),
        pytest.param("6.0", id="fraction"),
        pytest.param("", id="empty"),
    ],
)
def test_sides_that_are_no_die_are_a_foul(sides):
    with pytest.raises(Foul, match="sides must be a whole number from 2 to 1000"):
        roll(Random(1), sides, {})


def test_the_number_of_dice_is_bounded():
    with pytest.raises(Foul, match="dice must be a whole number from 1 to 100"):
        rolls(Random(1), "6", {"dice": "101"})
