"""The table of limits: what every process of a gateway has used of each limit, in one file of shared memory.

Python has no atomic operations on shared memory, so every cell has one writer. The table is a hash table of sets; in a
set each process has a column of `WAYS` cells and writes nowhere else. Column 0 is control's, column n worker n's.

The state of a rate limit is when its bucket is empty again: its TAT (theoretical arrival time, in nanoseconds of
CLOCK_MONOTONIC). No cell holds it, for two processes that decide at once would overwrite each other. It is kept in
parts that only their owners change, and that add up in whatever order they are written:

    TAT = the latest `base` of any column + the `used` time of all columns

Who admits a request adds the limit's period to its own `used`; who finds the bucket empty first moves its own `base` so
that the TAT becomes now. A decision sees all that was written before it began: of W processes at most W - 1 requests,
those being decided elsewhere in that very moment, are let through early, and none is forgotten (docs/limits.md).

Whether a request is admitted is decided in gateway.core.limit; what time it is, callers say.
"""

import hashlib
import mmap
import secrets
import struct
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, NamedTuple

from gateway.store.allocate import allocate

WAYS: Final = 8
"""Cells of one process in one set."""
RATE_SETS: Final = 8192
"""65,536 keys for each process, in 2 MiB."""
COUNT_SETS: Final = 1024
"""Keys with requests under way: 8,192 for each process."""
FORGOTTEN: Final = -(1 << 62)
"""A base before all times: whoever has it takes no part in the TAT."""

_MAGIC: Final = b"limits\x00\x01"
_HEADER: Final = struct.Struct("<8s32sI")
"""Magic, the key of fingerprints, the number of columns."""
_HEADER_BYTES: Final = 4096
_WORD_BYTES: Final = 8
_CELL_WORDS: Final = 3
"""Base, used, period."""
_FOR_EVER: Final = 1 << 62
_LASTING: Final = 1 << 63
"""Set in the fingerprint of a bucket that is never given up for another's sake."""


class Bucket:
    """What one key has used of one limit, as one process sees it: where its cells are, and what was last read there."""

    __slots__ = (
        "at",
        "cells",
        "fingerprint",
        "key",
        "name",
        "own",
        "owed",
        "period",
        "releases",
        "seen",
        "tat",
        "used",
    )

    def __init__(self, fingerprint: int, period_ns: int, at: int, key: str = "") -> None:
        """`at` is where the bucket's set begins, in bytes; `key` is whose it is, where that is known."""
        self.fingerprint = fingerprint
        self.name: bytes = struct.pack("=Q", fingerprint)
        self.period = period_ns
        """What one request adds."""
        self.at = at
        self.key = key
        self.owed = 0
        """Requests that control has not yet been told of."""
        self.seen = b""
        """The set's fingerprints when `cells` and `own` were found."""
        self.releases = 0
        """How many cells this process had given up when it was read."""
        self.cells: list[int] = []
        """The cells of this fingerprint over all columns, in words."""
        self.own = 0
        """The one of this process; 0 while it has none."""
        self.tat = FORGOTTEN
        self.used = 0


class Region(NamedTuple):
    """A part of the table."""

    memory: mmap.mmap
    start: int
    sets: int
    columns: int
    key: bytes
    """Of fingerprints."""


class Column(ABC):
    """A region of the table as one process has it: it reads everything, and writes its own cells."""

    def __init__(self, region: Region, number: int) -> None:
        """Take a region for the process whose column is `number`."""
        everything = memoryview(region.memory)
        self._memory = region.memory
        self._names: memoryview = everything.cast("Q")
        self._values: memoryview = everything.cast("q")
        self._start = region.start
        self._sets = region.sets
        self._columns = region.columns
        self._key = region.key
        self._number = number
        self._names_bytes = region.columns * WAYS * _WORD_BYTES
        self._set_bytes = set_bytes(region.columns)
        self._nobody = bytes(WAYS * _WORD_BYTES)
        self._swept = 0
        self._releases = 0
        self.taken = sum(len(self._own_names(self._start + at * self._set_bytes)) for at in range(self._sets))
        """Keys this process has cells for."""
        self.evicted = 0
        """Keys forgotten before their time, or never taken in, for want of room; since this object was made."""

    def bucket(self, identity: str, key: str, period_ns: int) -> Bucket:
        """Name the bucket of a key. That of the empty key, which is everybody's, is never given up for others.

        The fingerprint is keyed with a secret of this run, so that nobody can aim at another's bucket. It costs a
        microsecond: remember buckets.
        """
        digest = hashlib.blake2b(f"{identity}\0{key}".encode(), digest_size=8, key=self._key).digest()
        fingerprint = int.from_bytes(digest, "little") & (_LASTING - 1) or 1
        return self.named(fingerprint if key else fingerprint | _LASTING, period_ns, key)

    def named(self, fingerprint: int, period_ns: int, key: str = "") -> Bucket:
        """Give the bucket of a fingerprint, which another process may have computed."""
        return Bucket(fingerprint, period_ns, self._start + fingerprint % self._sets * self._set_bytes, key)

    def read(self, bucket: Bucket) -> int:
        """Read a bucket's `used` and return its TAT; one in the past carries no information.

        Take the time before: what is read then holds everything that was admitted up to that time.
        """
        at = bucket.at
        seen = self._memory[at : at + self._names_bytes]
        if seen != bucket.seen:
            self._locate(bucket, seen)
        values = self._values
        base, used = FORGOTTEN, 0
        for cell in bucket.cells:
            latest: int = values[cell]
            if latest > base:  # noqa: PLR1730 - `max` is a call
                base = latest
            used += values[cell + 1]
        bucket.releases = self._releases
        bucket.used = used
        bucket.tat = tat = base + used
        return tat

    def sweep(self, now_ns: int, sets: int) -> None:
        """Give up the cells in the next `sets` sets that nobody needs any more."""
        for _ in range(sets):
            at = self._start + self._swept * self._set_bytes
            self._swept = (self._swept + 1) % self._sets
            for name in self._own_names(at):
                if self._needed(at, name, now_ns) < 0:
                    self._release(name)

    # ---- cells

    def _locate(self, bucket: Bucket, seen: bytes) -> None:
        """Find the cells of a bucket among its set's fingerprints."""
        bucket.seen = seen
        bucket.cells = self._cells(bucket.at, seen, bucket.name)
        first = self._cell(bucket.at, self._number * WAYS)
        own = [cell for cell in bucket.cells if first <= cell < first + WAYS * _CELL_WORDS]
        bucket.own = own[0] if own else 0

    def _cells(self, at: int, seen: bytes, name: bytes) -> list[int]:
        cells = []
        found = seen.find(name)
        while found >= 0:
            if found % _WORD_BYTES == 0:
                cells.append(self._cell(at, found // _WORD_BYTES))
            found = seen.find(name, found + 1)
        return cells

    def _cell(self, at: int, place: int) -> int:
        """Where the values are that belong to the fingerprint at this place of the set; in words."""
        return (at + self._names_bytes) // _WORD_BYTES + place * _CELL_WORDS

    def _own_names(self, at: int) -> list[int]:
        """Where this process' fingerprints stand in a set, in words."""
        begin = at + self._number * WAYS * _WORD_BYTES
        if self._memory[begin : begin + WAYS * _WORD_BYTES] == self._nobody:
            return []
        first = begin // _WORD_BYTES
        return [name for name in range(first, first + WAYS) if self._names[name]]

    def _own(self, bucket: Bucket, now_ns: int) -> int:
        """Return the cell of this process for a bucket that was just read, or claim one; 0 if there is no room."""
        if bucket.releases != self._releases:
            self.read(bucket)
        return bucket.own or self._claim(bucket, now_ns)

    def _claim(self, bucket: Bucket, now_ns: int) -> int:
        name = self._room(bucket.at, now_ns)
        if name < 0:
            self.evicted += 1
            return 0
        cell = self._cell(bucket.at, name - bucket.at // _WORD_BYTES)
        values = self._values
        values[cell], values[cell + 1], values[cell + 2] = FORGOTTEN, 0, bucket.period
        self._names[name] = bucket.fingerprint  # last: who sees it sees a whole cell
        self.taken += 1
        bucket.own = cell
        return cell

    def _room(self, at: int, now_ns: int) -> int:
        """Return where a fingerprint may be put, in words; -1 if nowhere.

        That is the first free place, else the place of whom it costs the least to forget.
        """
        first = at // _WORD_BYTES + self._number * WAYS
        for name in range(first, first + WAYS):
            if not self._names[name]:
                return name
        nearest, least = -1, _FOR_EVER
        for name in range(first, first + WAYS):
            needed = self._needed(at, name, now_ns)
            if needed < least:
                nearest, least = name, needed
        if nearest >= 0:
            self._release(nearest)
            self.evicted += least >= 0
        return nearest

    @abstractmethod
    def _needed(self, at: int, name: int, now_ns: int) -> int:
        """How long this process' cell is still needed; negative if it is not, `_FOR_EVER` if nobody may take it."""

    def _release(self, name: int) -> None:
        self._names[name] = 0
        self._releases += 1
        self.taken -= 1


class Rates(Column):
    """Rate limits, and in control's column the quotas that are used up."""

    def take(self, bucket: Bucket, now_ns: int, count: int = 1) -> None:
        """Count what is admitted to the bucket just read; `now_ns` is the time from before the reading."""
        own = self._own(bucket, now_ns)
        if own:
            values = self._values
            if bucket.tat < now_ns:
                values[own] = now_ns - bucket.used
            values[own + 1] += count * bucket.period

    def push(self, bucket: Bucket, now_ns: int, count: int) -> None:
        """Count requests that other gateways have admitted, whether or not there is room for them."""
        self.read(bucket)
        self.take(bucket, now_ns, count)

    def block(self, bucket: Bucket, now_ns: int, until_ns: int) -> None:
        """Say that a quota is used up until then. Only control counts quotas, so that nobody else has cells of them."""
        self.read(bucket)
        own = self._own(bucket, now_ns)
        if own:
            self._values[own] = until_ns

    def unblock(self, bucket: Bucket) -> None:
        """Take back what `block` said."""
        self.read(bucket)
        if bucket.own:
            self._values[bucket.own] = FORGOTTEN

    def _needed(self, at: int, name: int, now_ns: int) -> int:
        """As long as the bucket is not empty, and one period for each process more.

        In that time it would have earned the requests that are admitted unseen, should it be given up in the very
        moment in which others take it up again.
        """
        seen = self._memory[at : at + self._names_bytes]
        place = name - at // _WORD_BYTES
        values = self._values
        base, used = FORGOTTEN, 0
        for cell in self._cells(at, seen, seen[place * _WORD_BYTES : (place + 1) * _WORD_BYTES]):
            base = max(base, values[cell])
            used += values[cell + 1]
        needed = base + used + self._columns * values[self._cell(at, place) + 2] - now_ns
        return _FOR_EVER if needed >= 0 and self._names[name] & _LASTING else needed


class Counts(Column):
    """Requests under way: `read` a bucket and its `used` says how many, over all workers."""

    def take(self, bucket: Bucket) -> bool:
        """Count a request in the bucket just read; False if there is no room to count it."""
        own = self._own(bucket, 0)
        if own:
            self._values[own + 1] += 1
        return own != 0

    def give_back(self, bucket: Bucket) -> None:
        """Count a request no more that was taken."""
        self._values[bucket.own + 1] -= 1

    def _needed(self, at: int, name: int, now_ns: int) -> int:  # noqa: ARG002 - what is under way knows no time
        return _FOR_EVER if self._values[self._cell(at, name - at // _WORD_BYTES) + 1] > 0 else -1

    def clear(self) -> None:
        """Forget all cells of this process: what its predecessor had under way ended with it."""
        for place in range(self._sets):
            for name in self._own_names(self._start + place * self._set_bytes):
                self._release(name)


class LimitTable:
    """The file. Its secret and its numbers live as long as the build."""

    def __init__(self, memory: mmap.mmap) -> None:
        magic, self._key, self._columns = _HEADER.unpack_from(memory)
        if magic != _MAGIC:
            raise ValueError("this is no table of limits that this build can read")
        self._memory = memory

    @classmethod
    def create(cls, path: Path, *, workers: int) -> None:
        """Make the file. Raises OSError if there is no room."""
        columns = workers + 1
        size_bytes = _HEADER_BYTES + (RATE_SETS + COUNT_SETS) * set_bytes(columns)
        allocate(path, _HEADER.pack(_MAGIC, secrets.token_bytes(32), columns), size_bytes)

    @classmethod
    def open(cls, path: Path) -> "LimitTable":
        """Map an existing table. Raises FileNotFoundError, or ValueError if a build laid it out in another way."""
        with path.open("r+b") as file:
            return cls(mmap.mmap(file.fileno(), 0))

    def rates(self, number: int) -> Rates:
        """Give rates and quotas to the process whose column is `number`; what its predecessor counted still counts."""
        return Rates(Region(self._memory, _HEADER_BYTES, RATE_SETS, self._columns, self._key), number)

    def counts(self, number: int) -> Counts:
        """Give requests under way to the process whose column is `number`, which has none so far."""
        start = _HEADER_BYTES + RATE_SETS * set_bytes(self._columns)
        counts = Counts(Region(self._memory, start, COUNT_SETS, self._columns, self._key), number)
        counts.clear()
        return counts


def set_bytes(columns: int) -> int:
    """The size of one set: its fingerprints, then its cells."""
    return columns * WAYS * _WORD_BYTES * (1 + _CELL_WORDS)
