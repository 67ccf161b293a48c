"""What a YAML file says, before it means anything: text, lists and mappings, each with its place.

Every node is immutable, so an alias may share one. Nothing here knows a type, a default or a file system.
"""

from collections.abc import Iterator

from msgspec import Struct

Path = tuple[str | int, ...]
"""The keys and positions that lead from the root to a node: ("routes", "roll", "match", 0)."""


class Place(Struct, frozen=True, order=True, gc=False):
    """Where something was written; lines and columns count from 1, columns in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def moved(self, columns: int) -> "Place":
        return Place(self.file, self.line, self.column + columns)


class Scalar(Struct, frozen=True, gc=False):
    """Text as written; `plain` says that no quotes stood around it."""

    text: str
    place: Place
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """YAML 1.2 core schema, section 10.3.2."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}

    def part(self, text: str, start: int) -> "Scalar":
        """Return a piece of this text that begins at `start`, with the place where it stands."""
        return Scalar(text, self.place.moved(start if self.plain else start + 1), plain=self.plain)


class Sequence(Struct, frozen=True, gc=False):
    """A list."""

    items: "tuple[Node, ...]"
    place: Place


class Entry(Struct, frozen=True, gc=False):
    """A mapping's value, and where its key stands."""

    key: Place
    value: "Node"


class Mapping(Struct, frozen=True, gc=False):
    """A mapping; `removed` holds the keys an overlay took away, and where it says so."""

    entries: dict[str, Entry]
    place: Place
    removed: dict[str, Place] = {}


Node = Scalar | Sequence | Mapping


def is_null(node: Node) -> bool:
    """Say whether nothing stands here."""
    return isinstance(node, Scalar) and node.is_null


def child(node: Node, step: str | int) -> Entry | None:
    """Return the value one step below, and its place: the key's in a mapping, its own in a list."""
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return Entry(node.items[step].place, node.items[step])
    return None


class Tree(Struct, frozen=True):
    """A whole spec as nodes; `overlay` is the file of the stage, if one was merged."""

    root: Mapping
    overlay: str | None = None

    def trail(self, path: Path) -> Iterator[Entry]:
        """Yield the entries along a path, as far as they were written."""
        node: Node = self.root
        for step in path:
            entry = child(node, step)
            if entry is None:
                return
            yield entry
            node = entry.value

    def entry(self, path: Path) -> Entry | None:
        """Return what stands at a path, or None when nothing was written there."""
        found = tuple(self.trail(path))
        return found[-1] if path and len(found) == len(path) else None

    def place(self, path: Path) -> Place:
        """Return the place of a path's key (or list item); of the nearest thing above when it was not written."""
        place = self.root.place
        for entry in self.trail(path):
            place = entry.key
        return place

    def value_place(self, path: Path) -> Place:
        """Return where the value at a path begins; `place` when nothing was written there."""
        entry = self.entry(path)
        return entry.value.place if entry else self.place(path)

    def latest(self, path: Path, parts: tuple[Path, ...]) -> Place:
        """Return the place to blame for a contradiction among `parts`: the overlay's, if it wrote one of them."""
        for part in reversed(parts):
            if self.entry(part) and self.value_place(part).file == self.overlay:
                return self.value_place(part)
        return self.place(path)

    def names(self, path: Path) -> tuple[str, ...]:
        """Return the keys written at a path."""
        node = self.root if not path else entry.value if (entry := self.entry(path)) else None
        return tuple(node.entries) if isinstance(node, Mapping) else ()

    def removed(self, path: Path) -> Place | None:
        """Return where the overlay removed this key, if it did."""
        above = self.root if len(path) == 1 else entry.value if (entry := self.entry(path[:-1])) else None
        return above.removed.get(str(path[-1])) if isinstance(above, Mapping) else None
