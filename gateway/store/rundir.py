"""The run directory: everything the processes of one gateway share, its builds, and who may run in it.

    lock                     held by the supervisor and its children: the gateway runs while it is held
    supervisor.sock          where the running supervisor hands over to the next build
    retired                  the totals of ended builds (gateway.store.retire)
    builds/000001-9f3ac2d1/  one start of the supervisor:
        lock                   held by every process of it: free once the last has ended
        worker-1.slot, ...     the memory of each process (gateway.store.slot)
        limits                 what is used of each limit (gateway.store.limits)
        snapshot, endpoints,   documents, replaced whole; of other builds only what identifies their snapshot is read,
        keysets                and the key sets a predecessor found

Nothing here needs to survive a reboot; nothing here may be read by another user. Nothing else in this directory is ever
touched.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

_BUILD = "[0-9]*-" + 8 * "[0-9a-f]"
"""What the name of a build looks like, see `new_build`."""
_OWN = ("supervisor.sock", "supervisor.[0-9]*", "retired", ".retired.[0-9]*", "retired.lock", "lock")
"""Beside builds; the last one goes last."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the directory below is checked to be ours alone


class ForeignDirectoryError(Exception):
    """Something else is kept where a run directory should be."""


class Held(NamedTuple):
    """A lock (flock) and the file it is held by; closing the last copy of the descriptor gives it up."""

    descriptor: int

    def release(self) -> None:
        """Give up this copy."""
        os.close(self.descriptor)

    def sign(self) -> None:
        """Leave the calling process' id in the file, for those who find the lock taken."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, b"%d\n" % os.getpid(), 0)


class Documents:
    """Named values in a directory, each written by one process and read by many."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, data: bytes) -> None:
        """Replace a document: a reader sees the old one or the new one, whole."""
        unnamed = self.path / f".{name}.{os.getpid()}"
        unnamed.write_bytes(data)
        unnamed.replace(self.path / name)

    def read(self, name: str) -> bytes | None:
        """Return a document, or None if it was never written."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None


class Build:
    """One start of the supervisor: its documents, its slots, and a lock that is free once every process of it ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        """Ascends with time and never comes twice: it makes sequence numbers of log lines unique."""
        self.documents = Documents(path)
        self.limits = path / "limits"
        """Where the table of limits is."""

    def slots(self) -> list[Path]:
        """List the slots that exist; empty once the build is removed."""
        return sorted(self.path.glob("*.slot"))

    def slot(self, name: str) -> Path:
        """Where the slot of a process is, such as `worker-1`."""
        return self.path / f"{name}.slot"

    def hold(self) -> Held | None:
        """Take the build's lock: as its supervisor, or to clear up once it has ended. None while another holds it."""
        return hold(self.path / "lock")

    def remove(self) -> None:
        """Delete the build's files."""
        shutil.rmtree(self.path, ignore_errors=True)


class RunDir:
    """The run directory at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.documents = Documents(path)
        self._builds = path / "builds"

    @classmethod
    def prepare(cls, path: Path) -> "RunDir":
        """Make the directory unless it exists.

        Raises:
            PermissionError: others could have put something there.
            ForeignDirectoryError: it is a directory of something else.
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{path} is not a directory of this user")
        if _is_foreign(path):
            raise ForeignDirectoryError(f"{path} is not empty and no run directory; name one that is, or a new one")
        path.chmod(0o700)
        run = cls(path)
        run._builds.mkdir(mode=0o700, exist_ok=True)
        return run

    def hold(self, name: str = "lock") -> Held | None:
        """Take a lock of the run directory, or None while another process has it."""
        return hold(self.path / name)

    def holder(self) -> int | None:
        """Return the process id last signed into the lock."""
        text = self.documents.read("lock")
        return int(text) if text else None

    def builds(self) -> list[Build]:
        """List the builds that have left anything, oldest first."""
        return [Build(path) for path in sorted(self._builds.glob(_BUILD))]

    def build(self, build_id: str) -> Build:
        """Name one build, which may be gone."""
        return Build(self._builds / build_id)

    def new_build(self, after: str = "") -> tuple[Build, Held]:
        """Start a build whose id ascends beyond all others here and `after`; it comes into sight with its lock held."""
        last = max([after, *(build.id for build in self.builds())])
        number = int(last.partition("-")[0] or 0) + 1
        build = self.build(f"{number:06}-{secrets.token_hex(4)}")
        unnamed = self._builds / f".{build.id}"
        unnamed.mkdir(mode=0o700)
        held = hold(unnamed / "lock")
        assert held, "nobody else knows this directory"
        unnamed.rename(build.path)
        return build, held

    def remove(self) -> None:
        """Delete everything of ours: the gateway stopped cleanly and nothing is left to be told.

        The lock goes last: who waits for it may make the directory anew from then on.
        """
        for build in (*self._builds.glob(_BUILD), *self._builds.glob(f".{_BUILD}")):
            shutil.rmtree(build, ignore_errors=True)
        with contextlib.suppress(OSError):  # somebody else's files are there
            self._builds.rmdir()
        for own in (found for name in _OWN for found in self.path.glob(name)):
            own.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # the same, or the parent is not ours
            self.path.rmdir()


def default_path(spec: Path, stage: str | None) -> Path:
    """Where a gateway for this spec runs unless told: $RUNTIME_DIRECTORY of systemd, else a place in shared memory."""
    granted = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if granted:
        return Path(granted)
    identity = hashlib.sha256(f"{spec.resolve()}\0{stage or ''}".encode()).hexdigest()[:12]
    return _SHARED_MEMORY / f"casino-{os.geteuid()}-{identity}"


def _is_foreign(path: Path) -> bool:
    """Whether files of something else are there. Sockets may be: systemd makes them before a gateway starts."""
    names = {entry.name for entry in path.iterdir() if not entry.is_socket()}
    ours = (name == "builds" or any(fnmatchcase(name, own) for own in _OWN) for name in names)
    return "lock" not in names and not all(ours)


def hold(path: Path) -> Held | None:
    """Take the lock that is this file, or return None while another process has it or has just removed it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return Held(descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None
