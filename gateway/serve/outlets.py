"""Where log lines go: whole lines into a file, a pipe or a socket, without ever waiting for the reader.

A write is only made when it cannot block and cannot be cut: the process may be killed at any moment, and a line is whole
or absent then. An inherited descriptor is never made non-blocking, since others share it.
"""

import errno
import fcntl
import os
import select
import stat
import struct
import termios
import time
from enum import Enum, auto
from pathlib import Path

from gateway.store.append import append

_PIPE_BYTES = 1 << 20
"""What we ask for as the pipe's capacity; the kernel's default is 64 KiB."""
_STREAM_BYTES = 8192
"""One line at its longest; the kernel takes as much in one piece, socket(7)."""
_STDOUT = 1


class Sent(Enum):
    """What became of a write that took nothing."""

    LATER = auto()
    """The reader is slow."""
    FAILED = auto()
    """The sink is broken: no space, no reader, no medium."""


class Stream:
    """The inherited stdout, or what a path leads to: a pipe, a socket (systemd's journal), a terminal, a redirected file."""

    def __init__(self, descriptor: int = _STDOUT) -> None:
        self._descriptor = descriptor
        mode = os.fstat(descriptor).st_mode
        self._is_file = stat.S_ISREG(mode)
        self._capacity = _widen(descriptor) if stat.S_ISFIFO(mode) else 0
        self._poll = select.poll()
        if not self._is_file:
            self._poll.register(descriptor, select.POLLOUT)

    def write(self, lines: bytes, patience_seconds: float) -> int | Sent:
        """Write some whole lines from the front and return their bytes; wait `patience_seconds` for a reader at most."""
        if self._is_file:
            return append(self._descriptor, lines) or Sent.FAILED
        if not self._poll.poll(patience_seconds * 1000):
            return Sent.LATER
        part = self._part(lines)
        if not part:
            time.sleep(patience_seconds / 10)  # a line longer than PIPE_BUF waits until the pipe is empty
            return Sent.LATER
        try:
            return os.write(self._descriptor, part)
        except BlockingIOError:
            return Sent.LATER
        except OSError:
            return Sent.FAILED

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)

    def _part(self, lines: bytes) -> bytes:
        """Take from the front what surely goes through in one piece.

        Into a pipe that is PIPE_BUF bytes (POSIX), or as much as it holds if it is empty and we alone write to it.
        """
        if not self._capacity:
            return _whole(lines, _STREAM_BYTES)
        return _whole(lines, self._capacity if _unread_bytes(self._descriptor) == 0 else select.PIPE_BUF)


class LogFile:
    """A file of our own, appended to."""

    def __init__(self, path: Path) -> None:
        """Open it, and cut off what a killed writer may have left of a line. Raises OSError."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            self._cut_torn_line()
        except OSError:  # whoever opens it again and again must not run out of descriptors
            self.close()
            raise

    def write(self, lines: bytes, patience_seconds: float) -> int | Sent:  # noqa: ARG002 - a file needs no patience
        """Write all lines, or what there is space for."""
        return append(self._descriptor, lines) or Sent.FAILED

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)

    def _cut_torn_line(self) -> None:
        """Only when no other writer has the file: during an upgrade, the end of the file may be a line being written."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            size = os.fstat(self._descriptor).st_size
            tail = os.pread(self._descriptor, _STREAM_BYTES, max(0, size - _STREAM_BYTES))
            os.ftruncate(self._descriptor, size - len(tail) + tail.rfind(b"\n") + 1)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def open_path(path: Path) -> Stream | LogFile:
    """Open what the spec names: usually a file, but it may be a named pipe or a device. Raises OSError."""
    if path.exists() and not path.is_file():
        return Stream(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    return LogFile(path)


def _whole(lines: bytes, most_bytes: int) -> bytes:
    """Return the whole lines among the first `most_bytes`."""
    return lines if len(lines) <= most_bytes else lines[: lines.rfind(b"\n", 0, most_bytes) + 1]


def _widen(pipe: int) -> int:
    """Let the pipe hold more, if we may, and return what it holds."""
    try:
        return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError as refused:
        if refused.errno not in {errno.EPERM, errno.EBUSY}:
            raise
        return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)


def _unread_bytes(pipe: int) -> int:
    unread: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return unread
