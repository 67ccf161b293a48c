"""What one event becomes: the call it needs, or none; and what its answer changes in the store."""

import sqlite3
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from alerts.pagerduty.bridge import audit, ledger, letters, queue
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.pacing import event_wait
from alerts.pagerduty.bridge.queue import Queued
from alerts.pagerduty.bridge.transport import CHANGES, EVENTS
from alerts.pagerduty.core.answer import Answer, Next, after
from alerts.pagerduty.core.event import LATE_SECONDS, OWN_KEYS, Late, change, minimal, notice, resolve, trigger
from alerts.pagerduty.core.intake import Action
from alerts.pagerduty.core.links import Targets
from alerts.pagerduty.core.severity import RANKS, Severity
from alerts.pagerduty.core.standing import Caution, Standing, View, standing

FRESH_SECONDS = 10.0
"""How old an Alertmanager's answer may be for one late trigger."""
Views = Callable[[float], tuple[View, ...]]
Change = Callable[[sqlite3.Connection], object]
_SEVERITIES = {rank: severity for severity, rank in RANKS.items()}


class Call(Struct, frozen=True):
    """What is to be sent, without its routing key."""

    endpoint: str
    event: bytes
    is_over: bool = False
    """It ended while it waited: a resolve must follow."""


def call_for(queued: Queued, *, views: Views, caution: Caution, targets: Targets, now: float) -> Call | None:
    """Build the call of an event; None for a doubtful trigger that Alertmanager does not know."""
    match queued.action:
        case Action.RESOLVE:
            return Call(EVENTS, resolve(queued.key))
        case Action.CHANGE:
            return Call(CHANGES, change(queued.notice, queued.received_at))
    if queued.is_fallback:
        return Call(EVENTS, minimal(queued.key, queued.name, _SEVERITIES.get(queued.rank, Severity.CRITICAL)))
    if queued.key.startswith(f"{OWN_KEYS}/"):
        return Call(EVENTS, notice(queued.notice))
    waited = now - queued.received_at
    is_over = False
    if queued.is_doubtful or waited >= LATE_SECONDS:
        is_over = standing(queued.key, views(FRESH_SECONDS), caution) is Standing.OVER
        if is_over and queued.is_doubtful:
            return None
    event = trigger(queued.alert, targets=targets, now=now, late=Late(waited, over=is_over))
    return Call(EVENTS, event, is_over)


def change_after(queued: Queued, call: Call, answer: Answer, *, default: str, seconds: float) -> tuple[Next, Change]:
    """Return what follows an answer, and the change that makes it so."""
    following = after(answer, is_trigger=queued.action is Action.TRIGGER, is_fallback=queued.is_fallback)
    works: dict[Next, Callable[..., None]] = {
        Next.DONE: partial(_done, call=call),
        Next.AGAIN: _again,
        Next.FALL_BACK: partial(_fall_back, answer=answer),
        Next.DIE: partial(_die, answer=answer, default=default),
    }

    def work(connection: sqlite3.Connection) -> None:
        now = time.time()
        detail = f"{answer.reason} after {seconds:.3f} s {answer.said}".rstrip()
        audit.add(connection, audit.Row(now, queued.key, queued.target, What.ANSWERED.value, detail))
        works[following](connection, queued, now=now)

    return following, work


def _done(connection: sqlite3.Connection, queued: Queued, *, now: float, call: Call) -> None:
    queue.remove(connection, queued, queued.id)
    late = now - queued.received_at
    row = audit.Row(now, queued.key, queued.target, What.DELIVERED.value, f"{queued.action.value}, {late:.1f} s")
    audit.add(connection, row)
    if call.is_over:
        ledger.close(connection, queued.key, now=now, what=What.ORPHANED, why="it ended while its trigger waited")


def _again(connection: sqlite3.Connection, queued: Queued, *, now: float) -> None:
    queue.postpone(connection, queued.id, now + event_wait(queued.attempts + 1))


def _fall_back(connection: sqlite3.Connection, queued: Queued, *, now: float, answer: Answer) -> None:
    letters.bury(connection, queued, reason="refused", said=answer.said, now=now)
    queue.fall_back(connection, queued.id)
    audit.add(connection, audit.Row(now, queued.key, queued.target, What.FELL_BACK.value, "the least event is next"))


def _die(connection: sqlite3.Connection, queued: Queued, *, now: float, answer: Answer, default: str) -> None:
    """Give up on a routing key, never on the page: what its own key refuses goes to the default one."""
    if queued.is_fallback and queued.target != default:
        queue.move(connection, queued.key, queued.target, default)
        connection.execute("UPDATE incidents SET target = ? WHERE key = ?", (default, queued.key))
        audit.add(connection, audit.Row(now, queued.key, default, What.MOVED.value, f"from {queued.target}"))
        return
    queue.remove(connection, queued, queued.id)
    letters.bury(connection, replace(queued, is_fallback=False), reason="refused", said=answer.said, now=now)
