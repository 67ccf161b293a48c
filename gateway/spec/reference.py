"""Writes the tables of docs/spec.md: every key with its meaning, what may stand there, and its default."""

from collections.abc import Iterator

from msgspec import NODEFAULT, Struct, inspect

from gateway.spec.dump import inline
from gateway.spec.meaning import meanings, summary
from gateway.spec.model import Spec
from gateway.spec.shorthand import SHORT_FORMS
from gateway.spec.types import default_of, scalar, stated, type_of
from gateway.spec.upgrade import NEEDS_UPGRADE

_BUILD, _BRIDGE, _APPLY = "`casino build`", "a restart of the bridge", "`casino pagerduty apply`"
_ELSEWHERE = (
    *((f"pagerduty.{part}.", _APPLY) for part in ("owner", "schedules", "policies", "services")),
    ("pagerduty.", _BRIDGE),
    ("bridge.", f"{_BUILD}, {_BRIDGE}"),
    ("alerts.alertmanagers.", f"{_BUILD}, {_BRIDGE}"),
    ("alerts.", _BUILD),
    ("teams.", f"{_BUILD}, {_BRIDGE}"),
    *((f"routes.NAME.{part}.", _BUILD) for part in ("objectives", "team")),
)
"""By the keys before them, what the gateway does not apply, since others read it; the first that fits."""


def reference() -> str:
    """Return the tables in Markdown, one for each Struct, in the order they are met."""
    return "\n".join(line for type_, path in _structs(type_of(Spec), "") for line in _table(type_, path))


def _structs(type_: inspect.StructType, path: str) -> Iterator[tuple[inspect.StructType, str]]:
    """Yield each Struct once, with the keys that lead to it."""
    seen: set[type[Struct]] = set()
    waiting = [(type_, path)]
    while waiting:
        type_, path = waiting.pop(0)
        if type_.cls not in seen:
            seen.add(type_.cls)
            yield type_, path
            waiting = [*_below(type_, path), *waiting]


def _below(type_: inspect.StructType, path: str) -> list[tuple[inspect.StructType, str]]:
    found = []
    for field in type_.fields:
        inner, here = stated(field.type), f"{path}.{field.encode_name}".lstrip(".")
        while not isinstance(inner, inspect.StructType):
            match inner:
                case inspect.DictType(value_type=value):
                    inner, here = stated(value), f"{here}.NAME"
                case inspect.VarTupleType(item_type=item):
                    inner, here = stated(item), f"{here}[]"
                case _:
                    break
        else:
            found.append((inner, here))
    return found


def _table(type_: inspect.StructType, path: str) -> Iterator[str]:
    yield f"### `{path}`" if path else "### The whole file"
    yield ""
    yield summary(type_.cls)
    form = SHORT_FORMS.get(type_.cls)
    if form:
        yield f"Short form: {form.expected}."
    yield ""
    yield "| key | meaning | written as | default | applied by |"
    yield "|---|---|---|---|---|"
    for field in type_.fields:
        key = f"{path}.{field.encode_name}".lstrip(".")
        words = (meanings(type_.cls)[field.name], _written(field.type), _default(field), _applied(key, field))
        yield f"| `{field.encode_name}` | " + " | ".join(word.replace("|", "\\|") for word in words) + " |"
    yield ""


def _written(type_: inspect.Type) -> str:
    match stated(type_):
        case inspect.StructType(cls=cls):
            form = SHORT_FORMS.get(cls)
            return f"a mapping, or {form.expected}" if form else "a mapping"
        case inspect.DictType():
            return "a mapping by name"
        case inspect.VarTupleType(item_type=item):
            return f"a list; each {_written(item)}"
        case other:
            return scalar(other).expected or _values(scalar(other).type)


def _values(type_: inspect.Type) -> str:
    if isinstance(type_, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in type_.values)
    return "text" if isinstance(type_, inspect.StrType) else "`true` or `false`"


def _default(field: inspect.Field) -> str:
    default = default_of(field)
    if default is NODEFAULT:
        return "required"
    if default is None or default in ((), {}, ""):
        return "none"
    if isinstance(default, Struct):
        return "as below"
    return f"`{inline(default, field.type)}`"


def _applied(key: str, field: inspect.Field) -> str:
    fixed = any(
        key == each.setting or key.startswith((f"{each.setting}.", f"{each.setting}[")) for each in NEEDS_UPGRADE
    )
    if fixed:
        return "upgrade"
    if isinstance(field.type, inspect.StructType):
        return "as below"
    return next((how for prefix, how in _ELSEWHERE if f"{key}.".startswith(prefix)), "reload")
