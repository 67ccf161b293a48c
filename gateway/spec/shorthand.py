"""Expands the short forms people write into the long ones the Structs have, as nodes that keep their places.

It only rearranges: whether a piece of text means anything is found out by the walk, which points at the piece.
"""

import re
from collections.abc import Callable

from msgspec import Struct, inspect

from gateway.spec.consumer import ApiKey, Demand
from gateway.spec.limit import Limit, Store
from gateway.spec.listen import Listener
from gateway.spec.nodes import Entry, Mapping, Node, Scalar, Sequence, is_null
from gateway.spec.route import LatencyObjective, Match, Route, Test
from gateway.spec.types import stated
from gateway.spec.upstream import Balance, Target, Version

MATCH = re.compile(r"(?:(?P<methods>[A-Za-z,]+)[ \t]+)?(?P<hosts>[^/\s]+)?(?P<path>/\S*)")
LATENCY = re.compile(r"(?P<share>\S+)\s+within\s+(?P<within>\S+)")


class ShortForm(Struct, frozen=True):
    """What may stand instead of a mapping: the value of one field, or text whose named parts are fields."""

    expected: str
    field: str | None = None
    pattern: re.Pattern[str] | None = None


SHORT_FORMS: dict[type, ShortForm] = {
    Listener: ShortForm("an address such as `0.0.0.0:8080`", field="address"),
    Target: ShortForm("a URL such as `http://10.0.0.1:7001`", field="url"),
    Version: ShortForm("a list of URLs", field="targets"),
    Balance: ShortForm("a word such as `least_outstanding`", field="by"),
    Store: ShortForm("a URL such as `redis://10.0.0.1:6379`", field="url"),
    Test: ShortForm("the exact text", field="exact"),
    Limit: ShortForm("a rate such as `100/s`", field="rate"),
    Match: ShortForm("`GET /roll/{sides}` or `GET,POST shop.example/cart/**`", pattern=MATCH),
    ApiKey: ShortForm("the SHA-256 of the key", field="sha256"),
    Demand: ShortForm("a list such as `[key, jwt]`", field="by"),
    LatencyObjective: ShortForm("`99% within 100ms`", pattern=LATENCY),
}


def expanded(node: Node, type_: inspect.Type) -> Node:
    """Return the node in its long form, all the way down."""
    match stated(type_):
        case inspect.StructType(cls=cls, fields=fields):
            node = _split(_long(node, cls)) if cls is Route else _long(node, cls)
            types = {field.encode_name: field.type for field in fields}
            return _each_entry(node, types.get)
        case inspect.DictType(value_type=value_type):
            return _each_entry(node, lambda _: value_type)
        case inspect.VarTupleType(item_type=item_type):
            items = node if isinstance(node, Sequence) else _one(node)
            return Sequence(tuple(expanded(item, item_type) for item in items.items), items.place)
    return node


def _one(node: Node) -> Sequence:
    """Take a single value for a list of one, and nothing for an empty list."""
    return Sequence(() if is_null(node) else (node,), node.place)


def _each_entry(node: Node, type_of: Callable[[str], inspect.Type | None]) -> Node:
    if not isinstance(node, Mapping):
        return node
    entries = {}
    for name, entry in node.entries.items():
        type_ = type_of(name)
        entries[name] = Entry(entry.key, expanded(entry.value, type_)) if type_ else entry
    return Mapping(entries, node.place, node.removed)


def _long(node: Node, cls: type) -> Node:
    form = SHORT_FORMS.get(cls)
    if form is None or isinstance(node, Mapping) or is_null(node):
        return node
    if form.field is not None:
        return Mapping({form.field: Entry(node.place, node)}, node.place)
    found = form.pattern.fullmatch(node.text) if form.pattern and isinstance(node, Scalar) else None
    return _parts(node, found) if found and isinstance(node, Scalar) else node


def _parts(node: Scalar, found: re.Match[str]) -> Mapping:
    entries = {}
    for name, text in found.groupdict().items():
        if text is not None:
            part = node.part(text, found.start(name))
            entries[name] = Entry(part.place, _methods(part) if name == "methods" else part)
    return Mapping(entries, node.place)


def _methods(node: Scalar) -> Sequence:
    starts = [0, *(comma.end() for comma in re.finditer(",", node.text))]
    parts = zip(node.text.split(","), starts, strict=True)
    return Sequence(tuple(Scalar(text, node.place.moved(start), plain=node.plain) for text, start in parts), node.place)


def _split(route: Node) -> Node:
    """Turn `split: {v1: 90%, v2: 10%}` of a route into its list of arms."""
    entry = route.entries.get("split") if isinstance(route, Mapping) else None
    if entry is None or not isinstance(entry.value, Mapping) or not isinstance(route, Mapping):
        return route
    arms = tuple(
        Mapping({"version": Entry(share.key, Scalar(name, share.key)), "weight": share}, share.key)
        for name, share in entry.value.entries.items()
    )
    split = Entry(entry.key, Sequence(arms, entry.value.place))
    return Mapping({**route.entries, "split": split}, route.place, route.removed)
