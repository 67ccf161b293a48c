"""Writes a spec as YAML in its long form; loading what it writes gives an equal spec."""

import json
import re
from typing import Any

from msgspec import inspect

from gateway.spec.model import Spec
from gateway.spec.scalars import write
from gateway.spec.types import default_of, scalar, stated, type_of

Plain = dict[str, "Plain"] | list["Plain"] | str
"""A value whose scalars are YAML text already."""

UNQUOTED = re.compile(r"[A-Za-z0-9_/.*$^()+][A-Za-z0-9_/.*$^()+%@=;~:-]*(?<!:)")
MISREAD = re.compile(r"\*.*|[-+.0-9].*|true|false|yes|no|on|off|null|y|n", re.IGNORECASE)
"""Text that some YAML reader takes for an alias, a number, a boolean or nothing."""
UNPRINTABLE = re.compile("[\x7f-\x9f\ud800-\udfff\u2028\u2029\ufeff\ufffe\uffff]")


def dump(spec: Spec, *, defaults: bool = False) -> str:
    """Return the spec as YAML: what was stated, or every key with `defaults`."""
    plain = _plain(spec, type_of(Spec), defaults=defaults)
    assert isinstance(plain, dict)
    return "\n".join(_mapping(plain)) + "\n"


def inline(value: Any, type_: inspect.Type) -> str:
    """Return one value on one line."""
    return _inline(_plain(value, type_, defaults=False))


def _plain(value: Any, type_: inspect.Type, *, defaults: bool) -> Plain:
    match stated(type_):
        case inspect.StructType(fields=fields):
            held = ((field, getattr(value, field.name)) for field in fields)
            return {
                field.encode_name: _plain(part, field.type, defaults=defaults)
                for field, part in held
                if part is not None and (defaults or part != default_of(field))
            }
        case inspect.DictType(value_type=value_type):
            return {_text(key): _plain(part, value_type, defaults=defaults) for key, part in value.items()}
        case inspect.VarTupleType(item_type=item_type):
            return [_plain(part, item_type, defaults=defaults) for part in value]
    return _scalar(value, stated(type_))


def _scalar(value: Any, type_: inspect.Type) -> str:
    if isinstance(value, str):
        return _text(value)
    kind = scalar(type_).kind
    return write(kind, value) if kind else json.dumps(value)


def _text(text: str) -> str:
    if UNQUOTED.fullmatch(text) and not MISREAD.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _mapping(value: dict[str, Plain]) -> list[str]:
    return [line for key, part in value.items() for line in _entry(key, part)]


def _entry(key: str, value: Plain) -> list[str]:
    if isinstance(value, dict) and value:
        return [f"{key}:", *_indented(_mapping(value))]
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        return [f"{key}:", *(line for part in value for line in _item(part))]
    return [f"{key}: {_inline(value)}"]


def _item(value: Plain) -> list[str]:
    lines = _mapping(value) if isinstance(value, dict) and value else [_inline(value)]
    first, *others = _indented(lines, by="    ")
    return [f"  - {first.lstrip()}", *others]


def _inline(value: Plain) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{key}: {_inline(part)}' for key, part in value.items())}}}"
        case list():
            return f"[{', '.join(map(_inline, value))}]"
    return value


def _indented(lines: list[str], by: str = "  ") -> list[str]:
    return [by + line for line in lines]
