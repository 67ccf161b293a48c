"""Fits one scalar to its type: conversion by kind, range, pattern. Says what was expected and probably meant."""

import re
from pathlib import Path as FilePath
from typing import Any

from msgspec import inspect

from gateway.spec.nodes import Scalar
from gateway.spec.problem import Fault
from gateway.spec.scalars import UnreadableError, read, write
from gateway.spec.suggest import meant
from gateway.spec.types import ScalarType
from gateway.spec.units import Kind

WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")
BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
"""YAML 1.2 core schema, section 10.3.2: `yes` and `on` are words."""
WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


class UnfitError(ValueError):
    """The scalar is nothing its type allows."""

    def __init__(self, fault: Fault, message: str, *, expected: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message
        self.expected = expected
        self.hint = hint


def fitted(node: Scalar, type_: ScalarType) -> Any:
    """Return the value of a scalar.

    Raises:
        UnfitError: it has none.
    """
    try:
        value = _value(node, type_)
    except UnreadableError as reason:
        message = f"{quoted(node.text)} cannot stand here"
        raise UnfitError(Fault.BAD_VALUE, message, expected=allowed(type_), hint=str(reason) or None) from None
    match type_.type:
        case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
            if (least is not None and value < least) or (most is not None and value > most):
                span = f"{_bound(least, type_.kind)} to {_bound(most, type_.kind)}"
                raise UnfitError(Fault.OUT_OF_RANGE, f"{quoted(node.text)} is out of range", expected=span)
        case inspect.StrType() as text:
            _check_text(value, text, type_)
    return value


def allowed(type_: ScalarType) -> str:
    """Say what may stand where a type is."""
    match type_.type:
        case inspect.BoolType():
            return "`true` or `false`"
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
    return type_.expected or "text"


def quoted(text: str) -> str:
    """Quote what somebody wrote, cut to a line."""
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return f"`{shown}`" if shown.isprintable() else repr(shown)


def _value(node: Scalar, type_: ScalarType) -> Any:
    if type_.kind in {Kind.FILE, Kind.STORE}:
        return _placed(node, type_.kind)
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


def _placed(node: Scalar, kind: Kind) -> str:
    """Make a path absolute, relative to the file of the spec that names it; other places of a store have none."""
    scheme, path = ("sqlite:", node.text.removeprefix("sqlite:")) if kind is Kind.STORE else ("", node.text)
    if kind is Kind.STORE and path in {"", node.text}:
        return node.text
    absolute = (FilePath(node.place.file).parent / path).absolute()
    return f"{scheme}{absolute}{'/' if scheme and path.endswith('/') else ''}"


def _check_text(value: str, text: inspect.StrType, type_: ScalarType) -> None:
    if text.max_length is not None and len(value) > text.max_length:
        raise UnfitError(Fault.OUT_OF_RANGE, "this text is too long", expected=f"at most {text.max_length} characters")
    if text.min_length is not None and len(value) < text.min_length:
        raise UnfitError(Fault.OUT_OF_RANGE, "this text is empty", expected=type_.expected)
    if text.pattern is not None and not re.fullmatch(text.pattern, value):
        if type_.kind in {Kind.HASH, Kind.STORE}:  # who writes the secret itself must not read it in a log
            raise UnfitError(Fault.BAD_VALUE, "this cannot stand here", expected=type_.expected)
        near = next((case for case in (value.lower(), value.upper()) if re.fullmatch(text.pattern, case)), None)
        hint = f"did you mean `{near}`?" if near else None
        raise UnfitError(Fault.BAD_VALUE, f"{quoted(value)} cannot stand here", expected=type_.expected, hint=hint)


def _bound(value: float | None, kind: Kind | None) -> str:
    return write(kind, value) if kind and value is not None else str(value)


def _bool(node: Scalar) -> bool:
    if node.plain and node.text in BOOLS:
        return BOOLS[node.text]
    lower = node.text.lower()
    word = lower if lower in BOOLS else WORDS.get(lower)
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
