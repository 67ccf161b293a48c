"""Notices that the run directory was deleted, or put in another's place, while the gateway serves. Never repairs it.

What is mapped and what is open lives on without its file, so traffic does not notice. But no child can be replaced any
more: its successor finds neither its slot nor the snapshot.
"""

from pathlib import Path

from gateway.core.snapshot import SNAPSHOT
from gateway.store.rundir import Build, RunDir

LOOK_SECONDS = 2.0


class Ground:
    """The files a child needs to start, as they were when the build began."""

    def __init__(self, run: RunDir, build: Build) -> None:
        lasting = (run.path, run.path / "lock", build.path, build.path / "lock", build.limits, *build.slots())
        self._files = {path: _identity(path) for path in lasting}
        self._snapshot = build.path / SNAPSHOT
        """Replaced at each reload, so that it needs only be there."""
        self._due = 0.0

    def is_due(self, now: float) -> bool:
        """Say whether it is time for another look."""
        return now >= self._due

    def lost(self, now: float) -> Path | None:
        """Look, and return what is not there any more or is another; None while all is well."""
        self._due = now + LOOK_SECONDS
        for path, identity in self._files.items():
            if _identity(path) != identity:
                return path
        return None if self._snapshot.exists() else self._snapshot


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
