"""The store: one SQLite file that only one thread writes, many changes in one commit (group commit).

`synchronous=FULL` with a write-ahead log: when a change's future is done, `fdatasync` has returned for it. Nothing here
knows what a change means.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

logger = logging.getLogger("casino.bridge")

MOST_IN_COMMIT = 500
BUSY_SECONDS = 5.0
"""How long another process (`casino bridge dead requeue`) may hold the file."""
PAGE_BYTES = 4096
CHECKPOINT_SECONDS = 1.0
MOST_WAL_PAGES = 16_000
"""Beyond it the writer itself moves the log into the file."""
SCHEMA = (Path(__file__).parent / "schema.sql").read_text()

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Any]
_Job = tuple[Work, "Future[Any]"]


class StoreError(Exception):
    """A change could not be stored: no room, no rights, a broken disk. Nothing of it was."""


class Store:
    """The file and its writer."""

    def __init__(
        self,
        folder: Path,
        most_bytes: int,
        committed: Callable[[float, bool], None],
        *,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        """Open or create the file; `committed` is told how long each commit took and whether it succeeded."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "bridge.sqlite"
        self._committed = committed
        self._checkpoint_seconds = checkpoint_seconds
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        try:
            self._connection = connect(self._path)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint={MOST_WAL_PAGES}")
            self._connection.execute(f"PRAGMA max_page_count={most_bytes // PAGE_BYTES}")
            self._connection.executescript(SCHEMA)
        except sqlite3.Error as fault:
            raise StoreError(f"{self._path}: {fault}") from None
        self.is_well = True
        """Whether the last commit succeeded."""
        self._closing = threading.Event()
        self._moved = threading.Event()
        """Most of the log is in the file: what is left is little."""
        self._thread = threading.Thread(target=self._write, name="store", daemon=True)
        self._thread.start()
        self._tidying = threading.Thread(target=self._checkpoint, name="checkpoint", daemon=True)
        self._tidying.start()

    def write(self, work: Callable[[sqlite3.Connection], Result]) -> "Future[Result]":
        """Run a change in the next commit. The future is done once it is on disk, or has failed with StoreError."""
        future: Future[Result] = Future()
        self._jobs.put((work, future))
        return future

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a connection that sees what is committed, for one thread."""
        connection = connect(self._path)
        try:
            connection.execute("PRAGMA query_only=1")
            yield connection
        finally:
            connection.close()

    @property
    def waiting(self) -> int:
        """How many changes wait for a commit."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Commit what waits, then close the file."""
        self._closing.set()
        self._tidying.join()
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    def _checkpoint(self) -> None:
        """Move most of the log into the file beside the writer, which would stand still meanwhile."""
        with contextlib.closing(connect(self._path)) as connection:
            while not self._closing.wait(self._checkpoint_seconds):
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                    self._moved.set()

    def _write(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, is_last = [first], False
            with contextlib.suppress(Empty):
                while len(jobs) < MOST_IN_COMMIT and not is_last:
                    following = self._jobs.get_nowait()
                    is_last = following is None
                    jobs += [following] if following else []
            # Who gave up before its turn is left out; who gives up from now on cannot take its future away any more.
            if wanted := [job for job in jobs if job[1].set_running_or_notify_cancel()]:
                self._commit(wanted)
            self._move_rest()
            if is_last:
                return

    def _move_rest(self) -> None:
        """Move what was written since: a log begins anew only when all of it is in the file, and nobody writes meanwhile."""
        if self._moved.is_set():
            self._moved.clear()
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _commit(self, jobs: list[_Job]) -> None:
        """Commit all together; if that fails, each alone, so that one bad change harms no other."""
        began = time.monotonic()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [work(self._connection) for work, _ in jobs]
            self._connection.execute("COMMIT")
        except Exception as fault:  # noqa: BLE001 - the fault of a change is told to whoever asked for it
            self._roll_back()
            if len(jobs) > 1:
                for job in jobs:
                    self._commit([job])
                return
            self._fail(jobs[0][1], fault, time.monotonic() - began)
        else:
            self.is_well = True
            self._committed(time.monotonic() - began, True)
            for (_, future), result in zip(jobs, results, strict=True):
                future.set_result(result)

    def _fail(self, future: "Future[Any]", fault: Exception, seconds: float) -> None:
        if isinstance(fault, sqlite3.Error):
            self.is_well = False
            self._committed(seconds, False)
            future.set_exception(StoreError(str(fault)))
        else:
            logger.error("change_failed", exc_info=fault)
            future.set_exception(fault)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; statements outside BEGIN and COMMIT stand alone."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection
