import pytest

from gateway.core.health import Belief, Streak, step
from gateway.spec.upstream import Health

POLICY = Health(healthy=2, unhealthy=3)


@pytest.mark.parametrize(
    ("answers", "belief"),
    [
        pytest.param("", Belief.UNKNOWN, id="before the first check nothing is known"),
        pytest.param("+", Belief.UP, id="the first good answer decides"),
        pytest.param("-", Belief.DOWN, id="the first bad answer decides"),
        pytest.param("+--", Belief.UP, id="fewer bad answers than asked for change nothing"),
        pytest.param("+---", Belief.DOWN, id="enough bad answers in a row take it out"),
        pytest.param("+--+--", Belief.UP, id="a good answer breaks the streak"),
        pytest.param("-+", Belief.DOWN, id="fewer good answers than asked for change nothing"),
        pytest.param("-++", Belief.UP, id="enough good answers in a row bring it back"),
        pytest.param("-+-+", Belief.DOWN, id="a bad answer breaks the streak"),
        pytest.param("-++--", Belief.UP, id="after a change the count starts again"),
    ],
)
def test_answers_in_a_row_change_the_belief(answers: str, belief: Belief) -> None:
    streak = Streak()
    for answer in answers:
        streak = step(streak, answer == "+", POLICY)
    assert streak.belief is belief


def test_unknown_counts_as_up() -> None:
    assert Streak().up
