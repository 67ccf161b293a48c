"""The store of one host: an SQLite file that its gateways share. Every call runs in a thread of its own.

Each exchange is one transaction: whole or absent, whatever is killed. A file that is damaged, read-only, or made by a
newer Casino is named in the error and left as it is: quotas may be in it, and only a person may decide to drop them.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from gateway.store.shared import (
    BUCKET_KEPT_SECONDS,
    SESSION_SECONDS,
    Answer,
    Batch,
    Charge,
    StoreError,
    StoreFault,
    Use,
    tat_after,
)

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE buckets (name TEXT PRIMARY KEY, tat REAL NOT NULL, ends REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, used INTEGER NOT NULL, ends REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (name TEXT PRIMARY KEY, number INTEGER NOT NULL, ends REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX buckets_end ON buckets (ends);
CREATE INDEX counters_end ON counters (ends);
CREATE INDEX sessions_end ON sessions (ends);
"""
_MOST_FORGOTTEN = 1000
"""Rows deleted by one exchange: clearing up after a flood must not hold the lock."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqliteStore:
    """One file, and the thread that speaks to it."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._under_way: Future[Answer] | None = None
        self._database: sqlite3.Connection | None = None
        self._inode = 0

    async def exchange(self, batch: Batch) -> Answer:
        """Tell and learn in one transaction. Raises StoreError."""
        if self._under_way and not self._under_way.done():
            raise StoreError(StoreFault.TIMEOUT, f"{self._path} has not answered the last exchange yet")
        self._under_way = self._thread.submit(self._exchange, batch)
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(self._under_way)
        except TimeoutError:
            raise StoreError(StoreFault.TIMEOUT, f"{self._path} took longer than {self._timeout} s") from None

    async def close(self) -> None:
        """Close the file, unless the last exchange still hangs in it."""
        self._thread.submit(self._forget)
        self._thread.shutdown(wait=False)

    def _exchange(self, batch: Batch) -> Answer:
        try:
            with self._open() as database:
                database.execute("BEGIN IMMEDIATE")
                return _apply(database, batch, time.time())
        except (sqlite3.Error, OSError) as fault:
            self._forget()
            code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
            raise StoreError(
                StoreFault.TIMEOUT if code in _BUSY else StoreFault.REFUSED, f"{self._path}: {fault}"
            ) from fault

    def _open(self) -> sqlite3.Connection:
        """Return the connection, a new one when the file was replaced."""
        if self._database and self._path.exists() and self._path.stat().st_ino == self._inode:
            return self._database
        self._forget()
        self._database = database = sqlite3.connect(
            self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        _prepare(database)
        self._inode = self._path.stat().st_ino
        return database

    def _forget(self) -> None:
        if self._database:
            self._database.close()
        self._database = None


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables unless they are there; gateways that start at once wait for each other."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"made by a newer Casino (schema {version}, this one knows {SCHEMA_VERSION})")
        if version == 0:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _apply(database: sqlite3.Connection, batch: Batch, now: float) -> Answer:
    last = _value(database, "SELECT number FROM sessions WHERE name = ?", batch.session)
    if batch.number > last:
        _put(database, "sessions", [(batch.session, batch.number, now + SESSION_SECONDS)])
        _put(database, "buckets", _charged(database, batch.charges, now))
        _put(database, "counters", _counted(database, batch.uses, now))
        for table in ("buckets", "counters", "sessions"):
            database.execute(
                f"DELETE FROM {table} WHERE name IN (SELECT name FROM {table} WHERE ends < ? LIMIT {_MOST_FORGOTTEN})",  # noqa: S608 - our own names
                (now,),
            )
    return Answer(
        tuple(_tat(database, charge.bucket) - now for charge in batch.charges),
        tuple(_used(database, use.counter, now) for use in batch.uses),
    )


def _charged(database: sqlite3.Connection, charges: Iterable[Charge], now: float) -> Iterable[tuple[str, float, float]]:
    for charge in charges:
        tat = tat_after(_tat(database, charge.bucket), now, charge)
        yield charge.bucket, tat, max(tat, now) + BUCKET_KEPT_SECONDS


def _counted(database: sqlite3.Connection, uses: Iterable[Use], now: float) -> Iterable[tuple[str, int, float]]:
    for use in uses:
        yield use.counter, _used(database, use.counter, now) + use.amount, now + use.lasts_seconds


def _tat(database: sqlite3.Connection, bucket: str) -> float:
    return float(_value(database, "SELECT tat FROM buckets WHERE name = ?", bucket))


def _used(database: sqlite3.Connection, counter: str, now: float) -> int:
    return int(_value(database, "SELECT used FROM counters WHERE name = ? AND ends > ?", counter, now))


def _value(database: sqlite3.Connection, question: str, *values: str | float) -> float:
    row = database.execute(question, values).fetchone()
    return row[0] if row else 0


def _put(database: sqlite3.Connection, table: str, rows: Iterable[tuple[str, float, float]]) -> None:
    for row in rows:
        database.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", row)  # noqa: S608 - our own names
