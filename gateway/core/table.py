"""Finds the paths of a routing table that take a request's path: a dict of exact paths, and a trie by segment."""

from operator import attrgetter
from typing import Any

from gateway.core.conditions import Condition, compile_when
from gateway.core.plan import Plan
from gateway.spec.route import Match
from gateway.spec.template import REST, Field, parse_template


class Entry:
    """One `match` of one route, compiled; `rank` is its place among all, the most specific lowest."""

    __slots__ = ("conditions", "fields", "match", "methods", "plan", "rank", "rest", "segments")

    def __init__(self, plan: Plan, match: Match) -> None:
        template = parse_template(match.path)
        self.plan = plan
        self.match = match
        self.segments = tuple(None if isinstance(segment, Field) else segment for segment in template.segments)
        """The path's segments; None is a field."""
        self.rest = template.rest
        self.fields = tuple(
            (segment.name, position)
            for position, segment in enumerate(template.segments, start=1)
            if isinstance(segment, Field)
        )
        self.conditions: tuple[Condition, ...] = compile_when(match.when)
        self.methods = _with_head(match.methods)
        """None takes every method."""
        self.rank = 0

    def specificity(self) -> tuple[Any, ...]:
        """Sort key, the most specific lowest; docs/routing.md gives the order in words."""
        fields = tuple(segment is None for segment in self.segments)
        return self.rest, -len(fields), sum(fields), fields, self.methods is None, -len(self.conditions)

    def catch(self, path: str) -> dict[str, str]:
        """Give what the fields, and `**`, stand for in a path that this entry takes."""
        parts = path.split("/", len(self.segments) + 1)
        caught = {}
        for name, position in self.fields:
            caught[name] = parts[position]
        if self.rest:
            caught[REST] = f"/{parts[-1]}" if len(parts) > len(self.segments) + 1 else ""
        return caught


def _with_head(methods: tuple[str, ...]) -> frozenset[str] | None:
    if not methods:
        return None
    return frozenset((*methods, "HEAD")) if "GET" in methods else frozenset(methods)


class _Node:
    """One place in the trie. Once the table is built its lists hold what the prefixes above it take, too."""

    __slots__ = ("below", "field", "here", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.field: _Node | None = None
        self.here: list[Entry] = []
        """Entries that take the path that ends here, the most specific first."""
        self.below: list[Entry] = []
        """Entries that take paths that go on from here, the most specific first."""


class Table:
    """The paths of one host."""

    __slots__ = ("_depth", "_exact", "_root")

    def __init__(self, entries: list[Entry]) -> None:
        """Build the table; the entries come in the order of their ranks."""
        self._root = _Node()
        self._depth = 0
        self._exact: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.rest or entry.fields:
                node = self._place(entry.segments)
                (node.below if entry.rest else node.here).append(entry)
            else:
                self._exact.setdefault("".join(f"/{segment}" for segment in entry.segments), []).append(entry)
        self._inherit()
        for path, named in self._exact.items():
            named.extend(_walk(self._root, self._segments(path)))

    def _place(self, segments: tuple[str | None, ...]) -> _Node:
        node = self._root
        for segment in segments:
            if segment is None:
                node.field = node = node.field or _Node()
            else:
                node = node.literals.setdefault(segment, _Node())
        self._depth = max(self._depth, len(segments))
        return node

    def _inherit(self) -> None:
        """Hand each node what the prefixes above it take: behind its own entries, for shorter is less specific."""
        pending: list[tuple[_Node, list[Entry]]] = [(self._root, [])]
        while pending:
            node, inherited = pending.pop()
            node.below = node.below + inherited if node.below else inherited
            node.here = node.here + node.below if node.here else node.below
            children = [*node.literals.values(), *((node.field,) if node.field else ())]
            pending += [(child, node.below) for child in children]

    def _segments(self, path: str) -> list[str]:
        """Cut a path at its slashes, no further than the table is deep: a long path costs no more than a short one."""
        return path[1:].split("/", self._depth)

    def entries(self, path: str) -> list[Entry]:
        """Give the entries that take a path, the most specific first."""
        exact = self._exact.get(path)
        return _walk(self._root, self._segments(path)) if exact is None else exact


def _walk(node: _Node, segments: list[str]) -> list[Entry]:
    for position, segment in enumerate(segments, start=1):
        literal = node.literals.get(segment)
        field = node.field if segment else None
        if literal is not None and field is not None:
            rest = segments[position:]
            return sorted({*_walk(literal, rest), *_walk(field, rest)}, key=_rank)
        following = literal or field
        if following is None:
            return node.below
        node = following
    return node.here


_rank = attrgetter("rank")
