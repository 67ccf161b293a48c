"""The hand-over from one build to the next, through a UNIX socket in the run directory.

The old build sends its sockets and the lock of the run directory; the new one starts on them, and says `ready` once its
workers serve. Only then does the old one stop. Until that word the old build serves whatever becomes of the new one,
and after it the new one holds all it needs whatever becomes of the old.
"""

import contextlib
import os
import signal
import socket
import struct
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

import msgspec

from gateway.store.rundir import Held, RunDir

_NAME = "supervisor.sock"
_READY = b"ready"
_BUSY = b"busy"
_ANSWER_SECONDS = 5.0
_MOST_SOCKETS = 250  # SCM_MAX_FD is 253
_MESSAGE_BYTES = 1 << 16
_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid


class HandoverError(Exception):
    """The running build does not hand over; the message says why."""


class Given(msgspec.Struct, frozen=True):
    """What goes along with the descriptors: the lock, then one socket for each address."""

    addresses: tuple[str, ...]


class Outcome(Enum):
    """What became of a new build that was given everything."""

    READY = auto()
    ENDED = auto()
    KILLED = auto()
    """By us: it was waited for long enough."""


class _Successor:
    """The build that holds everything and has not said yet what becomes of it."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        """Raises ProcessLookupError when the process has ended already."""
        self.line = line
        self.pid = pid
        self.killed = False
        try:
            self._handle: int | None = os.pidfd_open(pid)  # a pid may be another process' by the time it is killed
        except ProcessLookupError:
            raise
        except OSError:  # in another PID namespace, or the kernel has no such call
            self._handle = None

    def kill(self) -> None:
        if self._handle is None or self.killed:
            return
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def close(self) -> None:
        self.line.close()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Giver:
    """The old side. Asked in every turn of the supervisor's loop; never waits."""

    def __init__(self, run: RunDir, lock: Held, sockets: list[tuple[str, socket.socket]]) -> None:
        self._path = run.path / _NAME
        self._lock = lock
        self._sockets = sockets
        self._counter: socket.socket | None = None
        self._successor: _Successor | None = None

    def publish(self) -> None:
        """Let the next build find us, in place of whoever it found before; sign the lock. Raises OSError."""
        unnamed = self._path.with_suffix(f".{os.getpid()}")
        unnamed.unlink(missing_ok=True)
        self.close()
        self._counter = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        with _short(unnamed) as path:
            self._counter.bind(path)
        unnamed.chmod(0o600)
        self._counter.listen(4)
        unnamed.rename(self._path)
        self._lock.sign()

    def close(self) -> None:
        """Give up what is the supervisor's alone; in a child, too."""
        if self._counter:
            self._counter.close()
        if self._successor:
            self._successor.close()
        self._counter = self._successor = None

    def next_build(self) -> int | None:
        """Greet a new build: its pid when one has just been given everything."""
        if self._counter is None:
            return None
        try:
            caller, _ = self._counter.accept()
        except OSError:  # nobody there, or gone again, or no descriptor left
            return None
        try:
            pid = self._give(caller)
        except OSError:
            pid = None
        if pid is None:
            caller.close()
        return pid

    def _give(self, caller: socket.socket) -> int | None:
        caller.setblocking(False)
        credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(credentials)
        if self._successor or uid != os.geteuid():
            caller.send(_BUSY)
            return None
        given = Given(tuple(address for address, _ in self._sockets))
        descriptors = [self._lock.descriptor, *(each.fileno() for _, each in self._sockets)]
        socket.send_fds(caller, [msgspec.msgpack.encode(given)], descriptors)
        self._successor = _Successor(caller, pid)
        return int(pid)

    @property
    def has_given(self) -> bool:
        """A new build holds everything and has not said yet what becomes of it."""
        return self._successor is not None

    def kill(self) -> None:
        """End the new build, stopped or not; `outcome` tells when it has ended.

        One whose process cannot be named from here, as in another PID namespace, is waited for: closing the line
        instead would tell it that this build is gone, and then both would be the gateway.
        """
        if self._successor:
            self._successor.kill()

    def outcome(self) -> Outcome | None:
        """Return what became of the new build, once; None while that is open.

        One that ended may have taken our place in the directory before: publish again.
        """
        if self._successor is None:
            return None
        try:
            said = self._successor.line.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return None
        except ConnectionError:
            said = b""
        killed = self._successor.killed
        if said and killed:  # too late: what counts now is its end
            return None
        self._successor.close()
        self._successor = None
        if killed:
            return Outcome.KILLED
        return Outcome.READY if said == _READY else Outcome.ENDED


class Taken:
    """The new side: what it was given, and the line to the old build."""

    def __init__(self, line: socket.socket, given: Given, descriptors: list[int]) -> None:
        lock, *sockets = descriptors
        self.lock = Held(lock)
        self.sockets = [
            (address, socket.socket(fileno=descriptor))
            for address, descriptor in zip(given.addresses, sockets, strict=True)
        ]
        self._line = line

    def say_ready(self) -> None:
        """Tell the old build to stop. If it is gone, so much the better."""
        try:
            self._line.send(_READY)
        except ConnectionError:
            return
        finally:
            self._line.close()

    def close(self) -> None:
        """In a child: leave the line to the supervisor, whose end it tells."""
        self._line.close()


def take(run: RunDir) -> Taken | None:
    """Ask the running build for all it listens on; None when none runs.

    Raises:
        HandoverError: it does not answer, or hands over to another already.
    """
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(_ANSWER_SECONDS)
    try:
        with _short(run.path / _NAME) as path:
            line.connect(path)
        message, descriptors, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, _MOST_SOCKETS)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except TimeoutError:
        raise HandoverError(f"the running build does not answer within {_ANSWER_SECONDS:g} s; is it stopped?") from None
    except ConnectionError:
        raise HandoverError("the running build ended while it handed over") from None
    if message == _BUSY:
        raise HandoverError("another upgrade is under way")
    if not message:
        raise HandoverError("the running build ended while it handed over")
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return Taken(line, msgspec.msgpack.decode(message, type=Given), descriptors)


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Name the path in less than the 108 bytes of sockaddr_un, however deep the run directory lies."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
