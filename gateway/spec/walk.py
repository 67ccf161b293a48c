"""The one walk that pairs YAML nodes with msgspec's type information and builds the Structs.

All mistakes are collected, each with its place. Where something is wrong a stand-in is built, so that the walk and
the rules after it find whatever else is wrong; a spec with stand-ins never leaves the loader.
"""

import re
from pathlib import Path as FilePath
from typing import Any

import msgspec
from msgspec import inspect

from gateway.spec.nodes import Mapping, Node, Path, Scalar, Sequence, Tree
from gateway.spec.problem import Fault, Problem, error
from gateway.spec.scalars import UnreadableError, read, write
from gateway.spec.shorthand import SHORT_FORMS
from gateway.spec.suggest import listed, meant
from gateway.spec.types import ScalarType, default_of, scalar, stated
from gateway.spec.units import Kind

MOST_PROBLEMS = 200
"""Beyond this the file is something else altogether."""

WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")
BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
"""YAML 1.2 core schema, section 10.3.2: `yes` and `on` are words."""


class Walk:
    """One reading of a tree. `problems` and `failed` (the paths of stand-ins) are complete once `build` returned."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.problems: list[Problem] = []
        self.failed: set[Path] = set()

    def build(self, node: Node, type_: inspect.Type, path: Path = ()) -> Any:
        """Return the value a node has as a type; a stand-in when it has none."""
        type_ = stated(type_)
        match type_:
            case inspect.StructType():
                return self._struct(node, type_, path)
            case inspect.DictType():
                return self._dict(node, type_, path)
            case inspect.VarTupleType():
                return self._tuple(node, type_, path)
        return self._scalar(node, scalar(type_), path)

    def _fail(
        self, path: Path, fault: Fault, message: str, *, expected: str | None = None, hint: str | None = None
    ) -> None:
        self.failed.add(path)
        if len(self.problems) < MOST_PROBLEMS:
            place = self.tree.value_place(path) if fault is not Fault.MISSING_KEY else self.tree.place(path)
            self.problems.append(error(fault, place, message, expected=expected, hint=hint))

    def _struct(self, node: Node, type_: inspect.StructType, path: Path) -> Any:
        entries = self._entries(node, path, type_)
        fields = {field.encode_name: field for field in type_.fields}
        for unknown in entries.keys() - fields.keys():
            self._unknown(path, unknown, list(fields))
        values = {field.name: self._field(field, entries.get(name), (*path, name)) for name, field in fields.items()}
        return type_.cls(**values)

    def _field(self, field: inspect.Field, node: Node | None, path: Path) -> Any:
        default = default_of(field)
        if node is None and default is msgspec.NODEFAULT:
            if path[:-1] not in self.failed:
                self._missing(path)
            return blank(field.type)
        if node is None or (_is_null(node) and _holds_parts(field.type)):
            return default
        return self.build(node, field.type, path)

    def _dict(self, node: Node, type_: inspect.DictType, path: Path) -> dict[str, Any]:
        entries = self._entries(node, path, type_)
        if type_.min_length and not entries and path not in self.failed:
            self._fail(path, Fault.WRONG_TYPE, "this is empty", expected="at least one entry")
        key = scalar(type_.key_type)
        sound = [name for name in entries if self._key(name, key, (*path, name))]
        values = {name: self.build(value, type_.value_type, (*path, name)) for name, value in entries.items()}
        return {name: values[name] for name in sound}

    def _tuple(self, node: Node, type_: inspect.VarTupleType, path: Path) -> tuple[Any, ...]:
        assert isinstance(node, Sequence)
        count = len(node.items)
        if count < (type_.min_length or 0):
            self._fail(path, Fault.WRONG_TYPE, "this is empty", expected="at least one")
        if type_.max_length is not None and count > type_.max_length:
            self._fail(path, Fault.OUT_OF_RANGE, f"{count} are too many", expected=f"at most {type_.max_length}")
        return tuple(self.build(item, type_.item_type, (*path, place)) for place, item in enumerate(node.items))

    def _entries(self, node: Node, path: Path, type_: inspect.Type) -> dict[str, Node]:
        if isinstance(node, Mapping):
            return {name: entry.value for name, entry in node.entries.items()}
        form = SHORT_FORMS.get(type_.cls) if isinstance(type_, inspect.StructType) else None
        if not _is_null(node) or path == ():
            expected = f"{form.expected}, or a mapping" if form else "a mapping"
            self._fail(path, Fault.WRONG_TYPE, f"{_described(node)} cannot stand here", expected=expected)
        elif isinstance(type_, inspect.StructType):
            self._fail(path, Fault.WRONG_TYPE, "nothing stands here", hint="write `{}` for the defaults, or remove it")
        return {}

    def _scalar(self, node: Node, type_: ScalarType, path: Path) -> Any:
        if not isinstance(node, Scalar) or node.is_null:
            hint = "remove the key for its default" if _is_null(node) else None
            self._fail(
                path, Fault.WRONG_TYPE, f"{_described(node)} cannot stand here", expected=_expected(type_), hint=hint
            )
            return blank(type_.type)
        try:
            value = self._value(node, type_)
        except UnreadableError as reason:
            self._fail(
                path,
                Fault.BAD_VALUE,
                f"{_quoted(node.text)} cannot stand here",
                expected=_expected(type_),
                hint=str(reason) or None,
            )
            return blank(type_.type)
        self._bounds(value, type_, path, node.text)
        return value

    def _value(self, node: Scalar, type_: ScalarType) -> Any:
        if type_.kind is Kind.FILE:
            return str((FilePath(node.place.file).parent / node.text).absolute())
        if type_.kind is not None:
            return read(type_.kind, node.text)
        match type_.type:
            case inspect.StrType():
                return node.text
            case inspect.BoolType():
                return _bool(node)
            case inspect.IntType():
                return _whole(node)
            case inspect.LiteralType(values=values):
                return _choice(node, values)
        raise AssertionError(type_)

    def _bounds(self, value: Any, type_: ScalarType, path: Path, text: str) -> None:
        match type_.type:
            case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
                if (least is not None and value < least) or (most is not None and value > most):
                    expected = f"{_bound(least, type_.kind)} to {_bound(most, type_.kind)}"
                    self._fail(path, Fault.OUT_OF_RANGE, f"{_quoted(text)} is out of range", expected=expected)
            case inspect.StrType(pattern=pattern, max_length=most_length):
                if most_length is not None and len(value) > most_length:
                    self._fail(
                        path, Fault.OUT_OF_RANGE, "this text is too long", expected=f"at most {most_length} characters"
                    )
                elif pattern is not None and not re.fullmatch(pattern, value):
                    hint = f"did you mean `{value.lower()}`?" if re.fullmatch(pattern, value.lower()) else None
                    hint = f"did you mean `{value.upper()}`?" if re.fullmatch(pattern, value.upper()) else hint
                    self._fail(
                        path, Fault.BAD_VALUE, f"{_quoted(text)} cannot stand here", expected=type_.expected, hint=hint
                    )

    def _key(self, name: str, type_: ScalarType, path: Path) -> bool:
        """Check a name the user chose; the problem stands at the key."""
        before = len(self.problems)
        try:
            self._bounds(read(type_.kind, name) if type_.kind else name, type_, path, name)
        except UnreadableError as reason:
            self._fail(
                path,
                Fault.BAD_VALUE,
                f"{_quoted(name)} cannot stand here",
                expected=_expected(type_),
                hint=str(reason) or None,
            )
        self.problems[before:] = [_moved(problem, self.tree, path) for problem in self.problems[before:]]
        return len(self.problems) == before

    def _unknown(self, path: Path, name: str, known: list[str]) -> None:
        place = (*path, name)
        self.failed.add(place)
        if len(self.problems) < MOST_PROBLEMS:
            hint = meant(name, known) or f"there are {listed(known, most=20)}"
            self.problems.append(
                error(Fault.UNKNOWN_KEY, self.tree.place(place), f"unknown key {_quoted(name)}", hint=hint)
            )

    def _missing(self, path: Path) -> None:
        removed = self.tree.removed(path)
        hint = f"removed by {removed}" if removed else None
        self._fail(path, Fault.MISSING_KEY, f"key `{path[-1]}` is missing", hint=hint)


def blank(type_: inspect.Type) -> Any:
    """Return a stand-in for a value that could not be built."""
    match scalar(stated(type_)).type:
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: blank(field.type) for field in fields if field.required})
        case inspect.LiteralType(values=values):
            return values[0]
        case plain:
            return BLANKS.get(type(plain), 0)


BLANKS: dict[type, Any] = {
    inspect.DictType: {},
    inspect.VarTupleType: (),
    inspect.StrType: "",
    inspect.BoolType: False,
}


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _holds_parts(type_: inspect.Type) -> bool:
    """Say whether a key with nothing behind it may be taken for one that was left out: `routes:` may, `retry:` not."""
    return isinstance(type_, inspect.DictType | inspect.VarTupleType | inspect.StructType)


def _moved(problem: Problem, tree: Tree, path: Path) -> Problem:
    place = tree.place(path)
    return msgspec.structs.replace(problem, file=place.file, line=place.line, column=place.column)


def _described(node: Node) -> str:
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar() if node.is_null:
            return "no value"
    return _quoted(node.text)


def _quoted(text: str) -> str:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return f"`{shown}`" if shown.isprintable() else repr(shown)


def _expected(type_: ScalarType) -> str:
    match type_.type:
        case inspect.BoolType():
            return "`true` or `false`"
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.IntType() if type_.expected is None:
            return "a whole number"
    return type_.expected or "text"


def _bound(value: float | None, kind: Kind | None) -> str:
    return write(kind, value) if kind and value is not None else str(value)


def _bool(node: Scalar) -> bool:
    if node.plain and node.text in BOOLS:
        return BOOLS[node.text]
    words = {"yes": "true", "on": "true", "no": "false", "off": "false"}
    word = node.text.lower() if node.text.lower() in BOOLS else words.get(node.text.lower())
    raise UnreadableError(f"did you mean `{word}`, without quotes?" if word else "")


def _whole(node: Scalar) -> int:
    if node.plain and WHOLE_NUMBER.fullmatch(node.text):
        return int(node.text)
    raise UnreadableError("without quotes" if WHOLE_NUMBER.fullmatch(node.text) else "")


def _choice(node: Scalar, values: tuple[Any, ...]) -> Any:
    for value in values:
        if str(value) == node.text and (isinstance(value, str) or node.plain):
            return value
    raise UnreadableError(meant(node.text, map(str, values)) or "")
