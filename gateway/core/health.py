"""When active checks change what is believed of an address: streaks of good and bad answers."""

from enum import StrEnum

from msgspec import Struct

from gateway.spec.upstream import Health


class Belief(StrEnum):
    """What the checks say of an address. Unknown counts as up: were it down, every start would be an outage."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Streak(Struct, frozen=True):
    """The belief, and how many answers in a row spoke against it."""

    belief: Belief = Belief.UNKNOWN
    against: int = 0

    @property
    def up(self) -> bool:
        return self.belief is not Belief.DOWN


AGAINST: dict[tuple[Belief, bool], Belief] = {
    (Belief.UP, False): Belief.DOWN,
    (Belief.DOWN, True): Belief.UP,
}
"""Which answers speak against a belief, and for which other one."""


def step(streak: Streak, good: bool, policy: Health) -> Streak:
    """Take one answer into account. The first one decides at once: nothing better is known."""
    if streak.belief is Belief.UNKNOWN:
        return Streak(Belief.UP if good else Belief.DOWN)
    other = AGAINST.get((streak.belief, good))
    if other is None:
        return streak if streak.against == 0 else Streak(streak.belief)
    against = streak.against + 1
    needed = policy.healthy if good else policy.unhealthy
    return Streak(other) if against >= needed else Streak(streak.belief, against)
