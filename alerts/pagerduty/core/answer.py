"""What PagerDuty's answers mean, and what follows from each.

The pages' table: 202 accepted; 400 never again; 429, 5xx and network errors again. The body of a 202 is not read: an
event was accepted whatever it says, and a second try is harmless, since every event has its own key.
"""

import re
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class Kind(StrEnum):
    """What an answer says."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The event as it is will never be taken."""
    LIMITED = "limited"
    """Too many calls for this key."""
    FAILED = "failed"
    """Another try may do it."""


class Answer(Struct, frozen=True):
    """The end of one call."""

    kind: Kind
    reason: str
    """`202`, `400`, `timeout`, `refused` and so on: bounded, for a metric's label."""
    said: str = ""
    """What PagerDuty said about it, shortened, without the key."""
    wait_seconds: float = 0.0
    """How long it asks to be left alone."""


class Next(StrEnum):
    """What is done with the event."""

    DONE = "done"
    AGAIN = "again"
    FALL_BACK = "fall back"
    """Send the least that PagerDuty takes instead."""
    DIE = "die"
    """Keep it where a person can look at it."""


REFUSALS = frozenset({400, 413, 414, 422})
"""The same body would get the same answer."""
MOST_SAID = 300
"""Characters of an answer that are kept; a little more is looked through for the routing key, which the end would cut."""
MOST_KEY = 256
_SECONDS = re.compile("[0-9]{1,9}")


def answer_of(status: int, body: str, retry_after: str) -> Answer:
    """Judge an HTTP answer."""
    reason, said = str(status), body[: MOST_SAID + MOST_KEY]
    if 200 <= status < 300:
        return Answer(Kind.ACCEPTED, reason, said)
    if status in REFUSALS:
        return Answer(Kind.REFUSED, reason, said)
    if status == 429:
        return Answer(Kind.LIMITED, reason, said, float(retry_after) if _SECONDS.fullmatch(retry_after) else 0.0)
    return Answer(Kind.FAILED, reason, said)


def quoted(answer: Answer, routing_key: str) -> Answer:
    """Return the answer as it may be written down: without the routing key, should it hold it, and short."""
    return replace(answer, said=answer.said.replace(routing_key, "***")[:MOST_SAID])


def after(answer: Answer, *, is_trigger: bool, is_fallback: bool) -> Next:
    """Decide what follows."""
    if answer.kind is Kind.ACCEPTED:
        return Next.DONE
    if answer.kind is not Kind.REFUSED:
        return Next.AGAIN
    return Next.FALL_BACK if is_trigger and not is_fallback else Next.DIE
