"""Notices that the spec changed on disk, or that a signal asks for a reload. It never judges what it reads.

Files are compared by content, so that editors, git and the symlink swaps of Kubernetes all count. Content that changed
must stand still for one poll: a file that is being written is not read half.
"""

import asyncio
import hashlib
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.spec.compose import MOST_BYTES
from gateway.spec.problem import SpecErrors
from gateway.spec.sources import files_of
from gateway.store.slot import Slot, Word

POLL_SECONDS = 0.5
SIGNAL_SECONDS = 0.1

Reload = Callable[[], Awaitable[object]]


def content(path: Path, stage: str | None) -> bytes:
    """Hash the names and bytes of all source files; what cannot be read counts as content too."""
    whole = hashlib.sha256()
    try:
        files = files_of(path, stage)
    except SpecErrors as missing:
        return hashlib.sha256(str(missing.problems).encode()).digest()
    for file in files:
        whole.update(b"%s\0%s\0" % (str(file).encode(), _bytes(file)))
    return whole.digest()


async def watch_files(path: Path, stage: str | None, reload: Reload) -> None:
    """Call `reload` once now, for what changed while nobody watched, and then whenever the content has changed."""
    applied = before = await asyncio.to_thread(content, path, stage)
    await reload()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        now = await asyncio.to_thread(content, path, stage)
        if now == before and now != applied:
            applied = now
            await reload()
        before = now


async def watch_signals(supervisor: Slot, own: Slot, reload: Reload) -> None:
    """Call `reload` whenever the supervisor has counted another request for it; our own slot says which one is done."""
    while True:
        asked = supervisor.words[Word.RELOADS]
        if asked != own.words[Word.RELOADS]:
            await reload()
            own.words[Word.RELOADS] = asked
        await asyncio.sleep(SIGNAL_SECONDS)


def _bytes(file: Path) -> bytes:
    """Return what to compare: a digest of a file the loader would read, else why it would not."""
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            return f"{found.st_mode} {found.st_size} {found.st_mtime_ns}".encode()
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError as fault:
        return str(fault).encode()
