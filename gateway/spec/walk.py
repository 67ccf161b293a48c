"""The one walk that pairs YAML nodes with msgspec's type information and builds the Structs.

All mistakes are collected, each with its place. Where something is wrong a stand-in is built, so that the walk and
the rules after it find whatever else is wrong; a spec with stand-ins never leaves the loader.
"""

from typing import Any

import msgspec
from msgspec import inspect

from gateway.spec.consumer import Password
from gateway.spec.fit import UnfitError, allowed, fitted, quoted
from gateway.spec.nodes import Mapping, Node, Path, Place, Scalar, Sequence, Tree, is_null
from gateway.spec.problem import Fault, Findings, error
from gateway.spec.secret import Secret
from gateway.spec.shorthand import SHORT_FORMS
from gateway.spec.suggest import listed, meant
from gateway.spec.types import ScalarType, default_of, scalar, stated

_SECRET: dict[type, str] = {
    Secret: "where it is: `{env: NAME}` or `{file: PATH}`",
    Password: "a user and a hash: `{user: NAME, argon2: HASH}`",
}
"""Where people write the secret itself. Nothing of it is quoted: errors are printed, logged and sent."""


class Walk:
    """One reading of a tree. `failed`, the paths of stand-ins, is complete once `build` returned."""

    def __init__(self, tree: Tree, findings: Findings) -> None:
        self.tree = tree
        self.failed: set[Path] = set()
        self._findings = findings

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
        self,
        path: Path,
        fault: Fault,
        message: str,
        *,
        place: Place | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.failed.add(path)
        place = place or self.tree.value_place(path)
        self._findings.add(error(fault, place, message, expected=expected, hint=hint))

    def _struct(self, node: Node, type_: inspect.StructType, path: Path) -> Any:
        entries = self._entries(node, path, type_)
        fields = {field.encode_name: field for field in type_.fields}
        for name in entries:
            if name not in fields:
                shown = "this key is unknown" if type_.cls in _SECRET else f"unknown key {quoted(name)}"
                self._unknown((*path, name), shown, name, list(fields))
        values = {field.name: self._field(field, entries.get(name), (*path, name)) for name, field in fields.items()}
        return type_.cls(**values)

    def _field(self, field: inspect.Field, node: Node | None, path: Path) -> Any:
        default = default_of(field)
        if default is msgspec.NODEFAULT:
            return self._missing(field, path) if node is None else self.build(node, field.type, path)
        if node is None or (is_null(node) and _holds_parts(field.type)):
            return default
        return self.build(node, field.type, path)

    def _missing(self, field: inspect.Field, path: Path) -> Any:
        if path[:-1] not in self.failed:
            removed = self.tree.removed(path)
            hint = f"removed by {removed}" if removed else None
            message = f"key `{path[-1]}` is missing"
            self._fail(path, Fault.MISSING_KEY, message, place=self.tree.place(path), hint=hint)
        return blank(field.type)

    def _unknown(self, path: Path, message: str, name: str, known: list[str]) -> None:
        hint = None if self._findings.is_full else meant(name, known) or f"there are {listed(known, most=20)}"
        self._fail(path, Fault.UNKNOWN_KEY, message, place=self.tree.place(path), hint=hint)

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
        if is_null(node):
            hint = "write `{}` for the defaults, or remove it" if isinstance(type_, inspect.StructType) else None
            self._fail(path, Fault.WRONG_TYPE, "nothing stands here", hint=hint)
        else:
            secret = _SECRET.get(type_.cls) if isinstance(type_, inspect.StructType) else None
            wanted = secret or (f"{form.expected}, or a mapping" if form else "a mapping")
            shown = "this" if secret else _described(node)
            self._fail(path, Fault.WRONG_TYPE, f"{shown} cannot stand here", expected=wanted)
        return {}

    def _scalar(self, node: Node, type_: ScalarType, path: Path) -> Any:
        if not isinstance(node, Scalar) or node.is_null:
            hint = "remove the key for its default" if is_null(node) else None
            message = f"{_described(node)} cannot stand here"
            self._fail(path, Fault.WRONG_TYPE, message, expected=allowed(type_), hint=hint)
            return blank(type_.type)
        try:
            return fitted(node, type_)
        except UnfitError as unfit:
            self._fail(path, unfit.fault, unfit.message, expected=unfit.expected, hint=unfit.hint)
            return blank(type_.type)

    def _key(self, name: str, type_: ScalarType, path: Path) -> bool:
        """Check a name the user chose."""
        place = self.tree.place(path)
        try:
            fitted(Scalar(name, place), type_)
        except UnfitError as unfit:
            self._fail(path, unfit.fault, unfit.message, place=place, expected=unfit.expected, hint=unfit.hint)
            return False
        return True


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


def _holds_parts(type_: inspect.Type) -> bool:
    """Say whether a key with nothing behind it may be taken for one that was left out: `routes:` may, `retry:` not."""
    return isinstance(type_, inspect.DictType | inspect.VarTupleType | inspect.StructType)


def _described(node: Node) -> str:
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
    return "no value" if node.is_null else quoted(node.text)
