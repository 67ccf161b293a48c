"""The log ring: lines of one worker on their way to the writer.

One process puts, one reads. A line is copied first and published after, so that it is whole or absent however the
process ends. The ring never waits: a full ring refuses, and the caller counts the drop. The order of the two stores is
the program's order on x86-64 (docs/processes.md says what that rests on).
"""

from mmap import mmap


class Ring:
    """A byte queue in shared memory. Positions are counted from the slot's creation and never fall."""

    __slots__ = ("_at", "_capacity", "_end", "_ends", "_head", "_limit", "_memory", "_start")

    def __init__(self, memory: mmap, ends: memoryview, start: int, capacity_bytes: int) -> None:
        """Take `capacity_bytes` of `memory` from `start`; `ends` are the words head (put so far) and tail (read so far)."""
        self._memory = memory
        self._ends = ends
        self._start = start
        self._end = start + capacity_bytes
        self._capacity = capacity_bytes
        self._head: int = ends[0]
        self._at = start + self._head % capacity_bytes
        self._limit: int = ends[1] + capacity_bytes

    def put(self, line: bytes) -> bool:
        """Append one line, which ends in its only newline; False when there is no room. Only the slot's owner may put."""
        size = len(line)
        head = self._head + size
        if head > self._limit:
            self._limit = self._ends[1] + self._capacity
            if head > self._limit:
                return False
        at = self._at
        after = at + size
        if after < self._end:
            self._memory[at:after] = line
            self._at = after
        else:
            self._wrap(at, line)
        self._ends[0] = self._head = head
        return True

    def _wrap(self, at: int, line: bytes) -> None:
        room = self._end - at
        self._memory[at : self._end] = line[:room]
        self._at = self._start + len(line) - room
        self._memory[self._start : self._at] = line[room:]

    @property
    def waiting_bytes(self) -> int:
        """How much is put and not yet read."""
        return int(self._ends[0] - self._ends[1])

    def peek(self, most_bytes: int) -> bytes:
        """Copy the oldest whole lines, up to `most_bytes` but at least one; empty when nothing waits."""
        tail = self._ends[1]
        waiting = self._ends[0] - tail
        if waiting <= most_bytes:
            return self._copy(tail, waiting)
        lines = self._copy(tail, most_bytes)
        end = lines.rfind(b"\n") + 1
        if end:
            return lines[:end]
        lines = self._copy(tail, waiting)
        return lines[: lines.index(b"\n") + 1]

    def advance(self, read_bytes: int) -> None:
        """Give up what was peeked, once it is safely elsewhere. Only the reader may advance."""
        self._ends[1] += read_bytes

    def _copy(self, position: int, count: int) -> bytes:
        at = position % self._capacity
        first = min(count, self._capacity - at)
        at += self._start
        return self._memory[at : at + first] + self._memory[self._start : self._start + count - first]
