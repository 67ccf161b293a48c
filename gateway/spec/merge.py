"""Puts files together: the parts of a folder side by side, and a stage's overlay on top (JSON Merge Patch, RFC 7396)."""

from gateway.spec.compose import duplicate
from gateway.spec.nodes import Entry, Mapping, Node, Place, Scalar, Tree, is_null
from gateway.spec.problem import Danger, Findings, warning
from gateway.spec.suggest import meant

VERSION_KEY = "casino"


def side_by_side(parts: list[Mapping], findings: Findings) -> Mapping:
    """Join the files of a folder. Sections may be split over files; one key of a section may not be given twice.

    The format's version may stand in each file, as it says what that file is.
    """
    first, *others = parts
    entries = dict(first.entries)
    for part in others:
        for key, entry in part.entries.items():
            entries[key] = _joined(key, entries.get(key), entry, findings)
    return Mapping(entries, first.place)


def _joined(key: str, known: Entry | None, new: Entry, findings: Findings) -> Entry:
    if known is None or is_null(known.value):
        return new
    if is_null(new.value) or (key == VERSION_KEY and _same(known.value, new.value)):
        return known
    if not isinstance(known.value, Mapping) or not isinstance(new.value, Mapping):
        findings.add(duplicate(key, new.key, known.key))
        return known
    entries = dict(known.value.entries)
    for name, entry in new.value.entries.items():
        if name in entries:
            findings.add(duplicate(f"{key}.{name}", entry.key, entries[name].key))
        else:
            entries[name] = entry
    return Entry(known.key, Mapping(entries, known.value.place))


def overlaid(base: Mapping, patch: Mapping, findings: Findings) -> Tree:
    """Apply a stage's overlay; removals that remove nothing are warned of."""
    return Tree(_patched(base, patch, findings), overlay=patch.place.file)


def _patched(base: Node | None, patch: Mapping, findings: Findings) -> Mapping:
    known = base if isinstance(base, Mapping) else Mapping({}, patch.place)
    entries = dict(known.entries)
    removed: dict[str, Place] = {}
    for key, entry in patch.entries.items():
        old = entries.get(key)
        if not is_null(entry.value):
            entries[key] = _replaced(old, entry, findings)
        elif old is not None:
            del entries[key]
            removed[key] = entry.key
        elif base is not None:
            message = f"nothing to remove: there is no `{key}` here"
            findings.add(warning(Danger.OVERLAY_REMOVES_NOTHING, entry.key, message, hint=meant(key, known.entries)))
    return Mapping(entries, known.place, removed)


def _replaced(old: Entry | None, new: Entry, findings: Findings) -> Entry:
    if not isinstance(new.value, Mapping):
        return new
    both = old is not None and isinstance(old.value, Mapping)
    value = _patched(old.value if old else None, new.value, findings)
    return Entry(old.key if old and both else new.key, value)


def _same(one: Node, other: Node) -> bool:
    return isinstance(one, Scalar) and isinstance(other, Scalar) and one.text == other.text
