"""Turns one file's bytes into nodes: YAML 1.2 as written, every value with its place, within fixed bounds.

It works on libyaml's events with a composer of its own: PyYAML's would resolve `on` to true, recurse as deeply as the
file asks, lose duplicate keys, and expand aliases without counting. It never decides what a value means.
"""

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from gateway.spec.nodes import Entry, Mapping, Node, Place, Scalar, Sequence
from gateway.spec.problem import Fault, Findings, Problem, SpecErrors, error

MOST_BYTES = 512 * 1024
"""Some ten thousand routes, read within a second."""
MOST_DEPTH = 40
MOST_NODES = 100_000

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2 section 5.1 does not accept in a file."""

ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}

HINTS = {
    "mapping values are not allowed in this context": "text that holds `: ` needs quotes; or is the indentation right?",
    "did not find expected key": "is the indentation of this line right?",
    "could not find expected ':'": "a key needs `: ` behind it",
    "did not find expected <document start>": "is the indentation of this line right?",
}
"""What usually lies behind libyaml's words."""


def decode(data: bytes, file: str) -> str:
    """Read bytes as UTF-8; a byte order mark in front is taken off.

    Raises:
        SpecErrors: the bytes are in another encoding, or hold what no YAML file may.
    """
    for mark, name in ENCODINGS.items():
        if data.startswith(mark):
            raise _unusable(Fault.ENCODING, Place(file, 1, 1), f"this is {name}", hint="save it as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as fault:
        where = _place_in(data[: fault.start].decode(), file)
        raise _unusable(
            Fault.ENCODING, where, f"byte 0x{data[fault.start]:02x} is not UTF-8", hint="save it as UTF-8"
        ) from None
    if found := UNPRINTABLE.search(text):
        where = _place_in(text[: found.start()], file)
        raise _unusable(Fault.ENCODING, where, f"control character U+{ord(found[0]):04X}")
    return text


def compose(text: str, file: str, findings: Findings) -> Mapping:
    """Compose the one document of a file; what is wrong with single keys is added to the findings.

    Raises:
        SpecErrors: the text is no YAML, no mapping, empty, or beyond the bounds.
    """
    composer = _Composer(text, file, findings)
    try:
        root = composer.document()
    except yaml.YAMLError as fault:
        raise _syntax(fault, text, file) from None
    if not isinstance(root, Mapping):
        raise _unusable(Fault.WRONG_TYPE, root.place, "this is no mapping of keys to values", expected="`casino: 1`")
    return root


class _Anchored(NamedTuple):
    """What an alias stands for."""

    node: Node
    nodes: int
    height: int
    """How many levels it has below its own."""


class _Composer:
    def __init__(self, text: str, file: str, findings: Findings) -> None:
        self.file = file
        self.findings = findings
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, _Anchored | None] = {}
        self._nodes = 0
        self._deepest = 0

    def document(self) -> Node:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _unusable(Fault.UNREADABLE, Place(self.file, 1, 1), "the file says nothing", expected="`casino: 1`")
        root = self._node(next(self._events), 0)
        next(self._events)
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise _unusable(
                Fault.SYNTAX, self._place(more), "a second document", hint="one file holds one document: remove `---`"
            )
        return root

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        assert mark is not None
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _unusable(Fault.LIMIT, place, f"more than {MOST_NODES} values, aliases written out")

    def _descend(self, depth: int, place: Place) -> None:
        if depth > MOST_DEPTH:
            raise _unusable(Fault.LIMIT, place, f"nested more than {MOST_DEPTH} levels deep, aliases written out")
        self._deepest = max(self._deepest, depth)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = self._place(event)
        self._descend(depth, place)
        if isinstance(event, yaml.AliasEvent):
            assert event.anchor is not None
            return self._alias(event.anchor, place, depth)
        assert isinstance(event, yaml.NodeEvent)
        self._refuse_tag(event, place)
        self._count(1, place)
        if event.anchor is None:
            return self._content(event, place, depth)
        return self._anchored(event.anchor, event, place, depth)

    def _anchored(self, anchor: str, event: yaml.Event, place: Place, depth: int) -> Node:
        self._anchors[anchor] = None
        before, above, self._deepest = self._nodes - 1, self._deepest, depth
        node = self._content(event, place, depth)
        self._anchors[anchor] = _Anchored(node, self._nodes - before, self._deepest - depth)
        self._deepest = max(above, self._deepest)
        return node

    def _content(self, event: yaml.Event, place: Place, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, place, plain=not event.style)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(event, depth + 1))
            return Sequence(tuple(items), place)
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            self._put(entries, key, self._node(next(self._events), depth + 1))
        return Mapping(entries, place)

    def _put(self, entries: dict[str, Entry], key: Node, value: Node) -> None:
        if not isinstance(key, Scalar) or key.is_null:
            self.findings.add(error(Fault.WRONG_TYPE, key.place, "a key must be text"))
        elif key.plain and key.text == "<<":
            self.findings.add(
                error(
                    Fault.UNKNOWN_KEY,
                    key.place,
                    "merge key `<<` does not exist in YAML 1.2",
                    hint="an alias may stand for a whole value: `timeouts: *usual`",
                )
            )
        elif first := entries.get(key.text):
            self.findings.add(duplicate(key.text, key.place, first.key))
        else:
            # Where nothing was written there is no place but the key's.
            nothing = isinstance(value, Scalar) and value.plain and not value.text
            entries[key.text] = Entry(key.place, Scalar("", key.place) if nothing else value)

    def _alias(self, anchor: str, place: Place, depth: int) -> Node:
        if anchor not in self._anchors:
            raise _unusable(Fault.SYNTAX, place, f"alias `*{anchor}` has no anchor `&{anchor}` before it")
        known = self._anchors[anchor]
        if known is None:
            raise _unusable(Fault.SYNTAX, place, f"alias `*{anchor}` stands within its own anchor")
        self._count(known.nodes, place)
        self._descend(depth + known.height, place)
        return known.node

    def _refuse_tag(self, event: yaml.NodeEvent, place: Place) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.findings.add(
                error(
                    Fault.WRONG_TYPE, place, f"tag `{tag}` is not accepted", hint="values are read as their key expects"
                )
            )


def duplicate(key: str, second: Place, first: Place) -> Problem:
    return error(Fault.DUPLICATE_KEY, second, f"key `{key}` is given twice", hint=f"first at {first}")


def _syntax(fault: yaml.YAMLError, text: str, file: str) -> SpecErrors:
    mark = getattr(fault, "problem_mark", None)
    said = getattr(fault, "problem", None) or str(fault)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    lines = text.splitlines()
    rest = lines[mark.line][mark.column :] if mark and mark.line < len(lines) else ""
    if rest.startswith("\t"):
        return _unusable(Fault.SYNTAX, place, "a tab stands where only spaces may", hint="indent with spaces")
    return _unusable(Fault.SYNTAX, place, f"this is no YAML: {said}", hint=HINTS.get(said))


def _place_in(before: str, file: str) -> Place:
    lines = re.split("\r\n|\r|\n", before)
    return Place(file, len(lines), len(lines[-1]) + 1)


def _unusable(
    fault: Fault, place: Place, message: str, *, expected: str | None = None, hint: str | None = None
) -> SpecErrors:
    return SpecErrors([error(fault, place, message, expected=expected, hint=hint)], unreadable=True)
