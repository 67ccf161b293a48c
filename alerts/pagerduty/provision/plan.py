"""What has to happen so that PagerDuty is what the spec says, and what must not happen. Pure."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from alerts.pagerduty.provision.api import Document
from alerts.pagerduty.provision.found import Account, Key, in_use, staying
from alerts.pagerduty.provision.hours import told, uncovered
from alerts.pagerduty.provision.shape import Kind, Policy, Schedule, Service, Shape, Shapes
from gateway.spec.model import Spec


class Verb(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    ADOPT = "adopt"
    """Somebody made it by hand; from now on it is the spec's."""
    CHANGE = "change"
    DELETE = "delete"


class Difference(Struct, frozen=True, kw_only=True):
    """One field that is not what it should be."""

    field: str
    found: Any
    wanted: Any


class Change(Struct, frozen=True, kw_only=True):
    """What happens to one object."""

    verb: Verb
    kind: Kind
    name: str
    differences: tuple[Difference, ...] = ()


class Plan(Struct, frozen=True, kw_only=True):
    """All that would happen."""

    changes: tuple[Change, ...]
    """In the order in which they can be carried out."""
    refused: tuple[str, ...]
    """Why nothing of it happens."""
    kept: tuple[str, ...]
    """What is no longer in the spec and stays, with the reason."""


def make_plan(
    spec: Spec, wanted: Shapes, account: Account, incidents: Iterable[Document], *, adopt: bool, delete: bool
) -> Plan:
    """Compare what a spec wants with an account. `incidents` are those that are open."""
    owner = spec.pagerduty.owner
    changes = [
        each for key, shape in sorted(wanted.items(), key=_order) if (each := _change(key, shape, account, owner))
    ]
    refused = [*_uncovered(spec), *_unknown_people(wanted, account)]
    if not adopt:
        refused += [_foreign(each, owner) for each in changes if each.verb is Verb.ADOPT]
    kept, open_incidents = [], list(incidents)
    for kind, name in _left_over(wanted, account, owner):
        leaning = in_use((kind, name), account, open_incidents)
        if leaning:
            kept.append(staying((kind, name), leaning))
        elif not delete:
            kept.append(f"{kind.words} {name} is not in the spec; `apply --delete` takes it away")
        else:
            changes.append(Change(verb=Verb.DELETE, kind=kind, name=name))
    return Plan(changes=tuple(changes), refused=tuple(refused), kept=tuple(kept))


def missing_integrations(shape: Service, found: Shape | None) -> tuple[str, ...]:
    """Return those to be made; those that others added are nobody's business here."""
    there = found.integrations if isinstance(found, Service) else ()
    return tuple(each for each in shape.integrations if each not in there)


def _order(item: tuple[Key, Shape]) -> tuple[int, str]:
    (kind, name), _ = item
    return [*Kind].index(kind), name


def _change(key: Key, shape: Shape, account: Account, owner: str) -> Change | None:
    kind, name = key
    if key not in account.documents:
        return Change(verb=Verb.CREATE, kind=kind, name=name)
    differences = tuple(_differences(account.shape(key), shape))
    if not differences:
        return None
    verb = Verb.CHANGE if account.is_owned(key, owner) else Verb.ADOPT
    return Change(verb=verb, kind=kind, name=name, differences=differences)


def _differences(found: Shape, wanted: Shape) -> Iterator[Difference]:
    there, here = msgspec.to_builtins(found), msgspec.to_builtins(wanted)
    if isinstance(wanted, Service):
        there["integrations"] = tuple(each for each in there["integrations"] if each in wanted.integrations)
    for field, value in here.items():
        if there.get(field) != value:
            yield Difference(field=field, found=there.get(field), wanted=value)


def _uncovered(spec: Spec) -> Iterator[str]:
    for name, schedule in spec.pagerduty.schedules.items():
        gaps = uncovered(schedule)
        if gaps:
            yield f"schedule {name}: nobody is on call {', '.join(map(told, gaps))}"


def _unknown_people(wanted: Shapes, account: Account) -> Iterator[str]:
    for (kind, name), shape in wanted.items():
        for mail in dict.fromkeys(_people(shape)):
            if mail not in account.users:
                yield f"{kind.words} {name}: PagerDuty has no user {mail}"


def _people(shape: Shape) -> Iterator[str]:
    match shape:
        case Schedule():
            yield from (mail for layer in shape.layers for mail in layer.users)
        case Policy():
            yield from (told for level in shape.levels for told in level.tell if "@" in told)


def _foreign(change: Change, owner: str) -> str:
    return f"{change.kind.words} {change.name}: there is one that is not {owner}'s; `--adopt` makes it so"


def _left_over(wanted: Shapes, account: Account, owner: str) -> list[Key]:
    """Return what this spec made and no longer wants, in the order in which it can go."""
    gone = [key for key in account.documents if key not in wanted and account.is_owned(key, owner)]
    return sorted(gone, key=lambda key: (-[*Kind].index(key[0]), key[1]))
