"""A plan in words for people, and as data for machines."""

import json
from collections.abc import Iterator

import msgspec

from alerts.pagerduty.provision.plan import Change, Plan, Verb

SIGNS = {Verb.CREATE: "+", Verb.ADOPT: "~", Verb.CHANGE: "~", Verb.DELETE: "-"}


def readable(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan."""
    for change in plan.changes:
        yield from told(change)
    for reason in plan.kept:
        yield f"= {reason}"
    for reason in plan.refused:
        yield f"! {reason}"
    if not plan.changes and not plan.refused:
        yield "PagerDuty is what the spec says." if not plan.kept else "Nothing to do."


def told(change: Change) -> Iterator[str]:
    """Yield the lines of one change: what it is, and each field as it is there and as it shall be."""
    yield f"{SIGNS[change.verb]} {change.verb} {change.kind.words} {change.name}"
    for each in change.differences:
        yield f"    {each.field.replace('_', ' ')}: {_short(each.found)} -> {_short(each.wanted)}"


def as_data(plan: Plan) -> str:
    return json.dumps(msgspec.to_builtins(plan), indent=2)


def _short(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value not in (None, ()) else "none"
