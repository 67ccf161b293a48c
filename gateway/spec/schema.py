"""Writes the JSON Schema (draft 2020-12) that editors check a spec with while it is typed, short forms included.

It is a net with wider meshes than the loader: what the schema refuses the loader refuses, not the other way round.
"""

import re
from typing import Any

from msgspec import inspect

from gateway.spec.meaning import meanings, summary
from gateway.spec.model import Spec
from gateway.spec.route import Route
from gateway.spec.scalars import DURATION_TEXT, RATE_TEXT, SHARE_TEXT, SIZE_TEXT
from gateway.spec.shorthand import SHORT_FORMS
from gateway.spec.types import ScalarType, default_of, scalar, stated, type_of
from gateway.spec.units import Kind, Share

Json = dict[str, Any]

TEXT: Json = {"type": ["string", "number", "boolean"]}
"""Text stays as written, so `X-Beta: 1` is text to Casino and a number to an editor."""

KINDS: dict[Kind, Json] = {
    Kind.DURATION: {"anyOf": [{"type": "string", "pattern": f"^(0|{DURATION_TEXT.pattern})$"}, {"const": 0}]},
    Kind.SIZE: {"anyOf": [{"type": "string", "pattern": f"^{SIZE_TEXT.pattern}$"}, {"type": "integer", "minimum": 0}]},
    Kind.SHARE: {
        "anyOf": [
            {"type": "string", "pattern": f"^{SHARE_TEXT.pattern}$"},
            {"type": "number", "minimum": 0, "maximum": 1},
        ]
    },
    Kind.RATE: {"type": "string", "pattern": f"^{RATE_TEXT.pattern}$"},
    Kind.HEADER_VALUE: TEXT,
}


def schema(*, overlay: bool = False) -> Json:
    """Return the schema of a spec; of a stage's overlay, nothing is required and `null` removes."""
    writer = _Writer(overlay=overlay)
    root = writer.struct(type_of(Spec))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stage's overlay for a Casino spec" if overlay else "Casino spec",
        **root,
        "$defs": writer.definitions,
    }


class _Writer:
    def __init__(self, *, overlay: bool) -> None:
        self.overlay = overlay
        self.definitions: Json = {}

    def struct(self, type_: inspect.StructType) -> Json:
        about = meanings(type_.cls)
        properties = {
            field.encode_name: {"description": about[field.name], **self.field(field, type_.cls)}
            for field in type_.fields
        }
        required = [] if self.overlay else [field.encode_name for field in type_.fields if field.required]
        return {
            "description": summary(type_.cls),
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def field(self, field: inspect.Field, cls: type) -> Json:
        if cls is Route and field.name == "split":
            share = self.value(inspect.type_info(Share))
            forms = [self.value(field.type), {"type": "object", "additionalProperties": share}]
        else:
            forms = [self.value(field.type)]
        parts = isinstance(field.type, inspect.StructType | inspect.DictType | inspect.VarTupleType)
        if self.overlay or (parts and not field.required):
            forms.append({"type": "null"})
        default = default_of(field)
        stated_default = {"default": default} if isinstance(default, bool | str) else {}
        return {**stated_default, **_any(forms)}

    def value(self, type_: inspect.Type) -> Json:
        match stated(type_):
            case inspect.StructType() as struct:
                return self.reference(struct)
            case inspect.DictType(key_type=key, value_type=value):
                forms = [self.value(value), {"type": "null"}] if self.overlay else [self.value(value)]
                return {"type": "object", "propertyNames": _name(scalar(key)), "additionalProperties": _any(forms)}
            case inspect.VarTupleType(item_type=item):
                one = self.value(item)
                return _any([one, {"type": "array", "items": one}])
        return _scalar(scalar(stated(type_)))

    def reference(self, type_: inspect.StructType) -> Json:
        name = type_.cls.__name__
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.struct(type_)
        reference = {"$ref": f"#/$defs/{name}"}
        form = SHORT_FORMS.get(type_.cls)
        if form is None:
            return reference
        if form.pattern is not None:
            unnamed = re.sub(r"\?P<\w+>", "", form.pattern.pattern)
            return _any([{"type": "string", "pattern": f"^{unnamed}$"}, reference])
        (field,) = (field for field in type_.fields if field.encode_name == form.field)
        return _any([self.value(field.type), reference])


def _any(forms: list[Json]) -> Json:
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _name(type_: ScalarType) -> Json:
    assert isinstance(type_.type, inspect.StrType)
    return {"pattern": type_.type.pattern} if type_.type.pattern else {}


def _scalar(type_: ScalarType) -> Json:
    about = {"description": type_.expected} if type_.expected else {}
    if type_.kind in KINDS:
        return {**about, **KINDS[type_.kind]}
    match type_.type:
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType(ge=least, le=most):
            return {**about, "type": "integer", "minimum": least, "maximum": most}
        case inspect.LiteralType(values=values):
            return {"enum": [*values, *(int(each) for each in values if str(each).isdigit() and isinstance(each, str))]}
        case inspect.StrType(pattern=pattern):
            return {**about, "type": "string", "pattern": pattern} if pattern else {**about, **_text(type_)}
    raise AssertionError(type_)


def _text(type_: ScalarType) -> Json:
    return {"type": "string"} if type_.kind else TEXT
