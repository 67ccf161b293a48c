"""The directory of a slot: which counter is where, in the slot itself, so that another build can read it.

Entries are only ever appended: first the bytes, then the count of bytes that are valid. A reader never sees half an entry.
"""

from collections.abc import Iterator
from mmap import mmap

import msgspec

from exporters.catalog.metric import Metric


class Series(msgspec.Struct, frozen=True, array_like=True, tag="series"):
    """One series of the family described last under this name."""

    name: str
    labels: tuple[str, ...]
    """Values, in the order of the family's label names."""
    at: int
    """Index of the first value."""
    edges_seconds: tuple[float, ...] = ()
    """Upper edges of a histogram's buckets; empty for counters and gauges."""


class Family(msgspec.Struct, frozen=True, array_like=True, tag="family"):
    """A metric, as the build that wrote it knows it."""

    metric: Metric


Entry = Family | Series

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)
_LENGTH_BYTES = 4


class Directory:
    """An append-only list of entries in `memory[start : start + capacity_bytes]`."""

    def __init__(self, memory: mmap, used: memoryview, start: int, capacity_bytes: int) -> None:
        """`used` is the one word that says how many bytes are valid."""
        self._memory = memory
        self._used = used
        self._start = start
        self._capacity = capacity_bytes

    def append(self, entry: Entry, keep_free_bytes: int = 0) -> bool:
        """Publish an entry; False when less than `keep_free_bytes` would remain."""
        text = _ENCODER.encode(entry)
        used = self._used[0]
        end = used + _LENGTH_BYTES + len(text)
        if end > self._capacity - keep_free_bytes:
            return False
        at = self._start + used
        self._memory[at : self._start + end] = len(text).to_bytes(_LENGTH_BYTES, "little") + text
        self._used[0] = end
        return True

    def read(self, position: int) -> tuple[int, Iterator[Entry]]:
        """Return the entries published from `position` on, and the position after them."""
        end = self._used[0]
        return end, _decode(self._memory[self._start + position : self._start + end])


def _decode(published: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(published):
        text = at + _LENGTH_BYTES
        at = text + int.from_bytes(published[at:text], "little")
        yield _DECODER.decode(published[text:at])
