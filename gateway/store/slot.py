"""A slot: the memory one process shares with the others, as a file that outlives it.

It holds words, counters, the directory that names the counters, a log ring and a ring of debits. Exactly one live
process owns a slot; its successor goes on in the same file, so that nothing is lost with a killed process. Everybody
else only reads it, save the writer, which moves the tail of the log, and control, which moves that of the debits.
"""

import mmap
import os
import struct
import time
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from gateway.store.allocate import allocate
from gateway.store.directory import Directory
from gateway.store.ring import Ring
from gateway.store.tally import OVERFLOW_VALUES, VALUES_PER_SERIES, Tally

MAGIC = b"casino\x00\x01"
"""Changes with the layout; a slot of another layout is refused, never misread."""

WORDS = 64
_HEADER = struct.Struct("<8s32sQQQQQ")  # magic, name, series, values, and bytes: directory, log ring, ring of debits
_HEADER_BYTES = 128
_DIRECTORY_BYTES_PER_SERIES = 128
_PAGE = 4096


class Word(IntEnum):
    """The words of a slot: unsigned 64 bits each, written by the owner and read by anyone, never torn.

    Builds read each other's slots: a number is never given to another word, unless MAGIC changes with it.
    """

    PID = 0
    DIRECTORY_USED = 1
    LOG_HEAD = 2
    LOG_TAIL = 3
    """Written by the writer."""
    HEARTBEAT = 4
    """CLOCK_MONOTONIC in nanoseconds at the last turn of the owner's loop."""
    STARTED = 5
    """CLOCK_MONOTONIC in nanoseconds when the owner took the slot; a heartbeat beyond it is its loop's."""
    PHASE = 6
    """Supervisor: what the whole build does (gateway.store.process.Phase)."""
    GENERATION = 7
    """Control: the snapshot published. Worker: the snapshot applied."""
    EDITION = 8
    """Control: the endpoints published. Worker: the endpoints applied."""
    DIGEST = 9
    """Worker: the content hash of the snapshot applied."""
    RELOADS = 10
    """Supervisor: how often a reload was asked for by signal. Control: how many of these it has dealt with."""
    REOPENS = 11
    """Supervisor: how often the log was to be reopened."""
    CONNECTIONS = 12
    """Worker: client connections open."""
    LAG = 13
    """Worker: how late its loop runs, in nanoseconds."""
    SEQUENCE = 14
    """Worker: number of the last log line, which is the number of answers so far."""
    DEBITS_HEAD = 15
    DEBITS_TAIL = 16
    """Written by control."""
    KEYSETS = 20
    """Control: the key sets published. Worker: the key sets taken up."""


_HELD = frozenset({Word.CONNECTIONS, Word.LAG})
_APPLIED = frozenset({Word.GENERATION, Word.EDITION, Word.DIGEST, Word.KEYSETS})


class LayoutError(ValueError):
    """The file was written by a build whose slots are laid out in another way."""


class Slot:
    """One slot file, mapped."""

    def __init__(self, path: Path, memory: mmap.mmap) -> None:
        magic, name, series, values, directory_bytes, ring_bytes, debits_bytes = _HEADER.unpack_from(memory)
        if magic != MAGIC:
            raise LayoutError(f"{path} is no slot this build can read")
        self.path = path
        self.name: str = name.rstrip(b"\0").decode()
        """`worker-1`, `control`, `writer`, `supervisor`."""
        values_at = _HEADER_BYTES + WORDS * 8
        directory_at = values_at + values * 8
        everything = memoryview(memory)
        self.words: memoryview = everything[_HEADER_BYTES:values_at].cast("Q")
        self.values: memoryview = everything[values_at:directory_at].cast("Q")
        used = self.words[Word.DIRECTORY_USED : Word.DIRECTORY_USED + 1]
        self.directory = Directory(memory, used, directory_at, directory_bytes)
        ends = self.words[Word.LOG_HEAD : Word.LOG_TAIL + 1]
        ring_at = _page(directory_at + directory_bytes)
        self.ring = Ring(memory, ends, ring_at, ring_bytes) if ring_bytes else None
        ends = self.words[Word.DEBITS_HEAD : Word.DEBITS_TAIL + 1]
        self.debits = Ring(memory, ends, ring_at + ring_bytes, debits_bytes) if debits_bytes else None
        """What a worker tells control of limits that are kept beyond the gateway (gateway.store.debits)."""
        self._series = series

    @cached_property
    def tally(self) -> Tally:
        """The counters, for the owner alone."""
        return Tally(self.directory, self.values, self._series)

    @classmethod
    def create(cls, path: Path, *, series: int, ring_bytes: int = 0, debits_bytes: int = 0) -> Self:
        """Make the slot named like its file, for at most `series` series, a log ring and a ring of debits.

        Raises OSError when there is no room for it.
        """
        values = series * VALUES_PER_SERIES + OVERFLOW_VALUES
        directory_bytes = _page(series * _DIRECTORY_BYTES_PER_SERIES + OVERFLOW_VALUES * 8)
        header = _HEADER.pack(MAGIC, path.stem.encode(), series, values, directory_bytes, ring_bytes, debits_bytes)
        directory_at = _HEADER_BYTES + WORDS * 8 + values * 8
        unnamed = path.with_suffix(".new")
        allocate(unnamed, header, _page(directory_at + directory_bytes) + ring_bytes + debits_bytes)
        unnamed.rename(path)
        return cls.open(path, writable=True)

    @classmethod
    def open(cls, path: Path, *, writable: bool = False) -> Self:
        """Map an existing slot. Raises FileNotFoundError, or LayoutError."""
        with path.open("r+b" if writable else "rb") as file:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            return cls(path, mmap.mmap(file.fileno(), 0, access=access))

    def own(self) -> None:
        """Take the slot over for the calling process, whose predecessor must be dead; forget what ended with that."""
        forgotten = _HELD | _APPLIED if self.name.startswith("worker-") else _HELD
        for word in forgotten:
            self.words[word] = 0
        self.words[Word.STARTED] = self.words[Word.HEARTBEAT] = time.monotonic_ns()
        self.words[Word.PID] = os.getpid()
        self.tally.zero_gauges()

    def beat(self) -> None:
        """Say that the owner's loop turns, or that a long turn of it gets on."""
        self.words[Word.HEARTBEAT] = time.monotonic_ns()


def open_readable(paths: Iterable[Path], *, writable: bool = False) -> list[Slot]:
    """Map those slots that still exist and have our layout; a build of another layout starts to count anew."""
    slots = []
    for path in paths:
        with suppress(FileNotFoundError, LayoutError):
            slots.append(Slot.open(path, writable=writable))
    return slots


def _page(count: int) -> int:
    return -(-count // _PAGE) * _PAGE
