"""Puts files together: the parts of a folder side by side, and a stage's overlay on top (JSON Merge Patch, RFC 7396)."""

from gateway.spec.compose import duplicate
from gateway.spec.nodes import Entry, Mapping, Node, Place, Scalar, Tree
from gateway.spec.problem import Danger, Problem, warning
from gateway.spec.suggest import meant

VERSION_KEY = "casino"


def side_by_side(parts: list[Mapping]) -> tuple[Mapping, list[Problem]]:
    """Join the files of a folder. Sections may be split over files; one key of a section may not be given twice.

    The format's version may stand in each file, as it says what that file is.
    """
    first, *others = parts
    entries = dict(first.entries)
    problems: list[Problem] = []
    for part in others:
        for key, entry in part.entries.items():
            entries[key] = _joined(key, entries.get(key), entry, problems)
    return Mapping(entries, first.place), problems


def _joined(key: str, known: Entry | None, new: Entry, problems: list[Problem]) -> Entry:
    if known is None or _is_null(known.value):
        return new
    if _is_null(new.value) or (key == VERSION_KEY and _same(known.value, new.value)):
        return known
    if not isinstance(known.value, Mapping) or not isinstance(new.value, Mapping):
        problems.append(duplicate(key, new.key, known.key))
        return known
    entries = dict(known.value.entries)
    for name, entry in new.value.entries.items():
        if name in entries:
            problems.append(duplicate(f"{key}.{name}", entry.key, entries[name].key))
        else:
            entries[name] = entry
    return Entry(known.key, Mapping(entries, known.value.place))


def overlaid(base: Mapping, patch: Mapping) -> tuple[Tree, list[Problem]]:
    """Apply a stage's overlay; the warnings name removals that removed nothing."""
    problems: list[Problem] = []
    return Tree(_patched(base, patch, problems), overlay=patch.place.file), problems


def _patched(base: Node | None, patch: Mapping, problems: list[Problem]) -> Mapping:
    known = base if isinstance(base, Mapping) else Mapping({}, patch.place)
    entries = dict(known.entries)
    removed: dict[str, Place] = {}
    for key, entry in patch.entries.items():
        old = entries.get(key)
        if not _is_null(entry.value):
            entries[key] = _replaced(old, entry, problems)
        elif old is not None:
            del entries[key]
            removed[key] = entry.key
        elif base is not None:
            message = f"nothing to remove: there is no `{key}` here"
            problems.append(warning(Danger.OVERLAY_REMOVES_NOTHING, entry.key, message, hint=meant(key, known.entries)))
    return Mapping(entries, known.place, removed)


def _replaced(old: Entry | None, new: Entry, problems: list[Problem]) -> Entry:
    if not isinstance(new.value, Mapping):
        return new
    both = old is not None and isinstance(old.value, Mapping)
    value = _patched(old.value if old else None, new.value, problems)
    return Entry(old.key if old and both else new.key, value)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _same(one: Node, other: Node) -> bool:
    return isinstance(one, Scalar) and isinstance(other, Scalar) and one.text == other.text
