"""Reads msgspec's type information: the one description of the Structs that the loader, the printer and the schema use."""

from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, inspect

from gateway.spec.units import Kind


class ScalarType(Struct, frozen=True):
    """A scalar type with what its `Meta` says."""

    type: inspect.Type
    kind: Kind | None = None
    expected: str | None = None


@cache
def type_of(cls: type[Struct]) -> inspect.StructType:
    """Return the type information of a Struct."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return info


def stated(type_: inspect.Type) -> inspect.Type:
    """Return the type a value has when it is stated: `X | None` is X, as nothing is said by leaving the key out."""
    if isinstance(type_, inspect.UnionType):
        (type_,) = (each for each in type_.types if not isinstance(each, inspect.NoneType))
    return type_


def scalar(type_: inspect.Type) -> ScalarType:
    """Return a scalar type without the wrapping its annotations put around it."""
    kind, expected = None, None
    while isinstance(type_, inspect.Metadata):
        kind = (type_.extra or {}).get("kind", kind)
        expected = (type_.extra_json_schema or {}).get("description", expected)
        type_ = type_.type
    return ScalarType(type_, kind, expected)


def default_of(field: inspect.Field) -> Any:
    """Return what a field holds when its key is left out; `msgspec.NODEFAULT` when it must be there."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
