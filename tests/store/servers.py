"""Real stores for tests, which may be killed, stopped, slowed down, emptied and started again."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.spec.limit import Store
from gateway.store.redis import RedisStore
from gateway.store.secrets import Secrets
from gateway.store.shared import Batch, Charge, StoreError, Use
from gateway.store.sqlite import SqliteStore
from tests.waiting import until

TIMEOUT_SECONDS = 20.0
"""A machine that stalls is no store that does not answer."""
HASTY_SECONDS = 0.5
"""The timeout where a store is made not to answer."""
LATEST_SECONDS = HASTY_SECONDS + 5
"""By which such a timeout has ended a call, also where the machine stalls."""


class RedisServer:
    """One redis-server on a UNIX socket, with a folder for its data: what it said yes to is there after kill -9."""

    kind = "redis"

    def __init__(self, place, *options):
        if not shutil.which("redis-server"):
            pytest.skip("redis-server is not installed")
        self.place = place
        self.options = options
        self.socket = place / "redis.sock"
        self.process = None
        self.start()

    @property
    def url(self):
        return f"redis+unix:{self.socket}"

    def start(self):
        self.socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.place),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        with (self.place / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(["redis-server", *words, *self.options], stdout=log, stderr=log)
        until(lambda: self.answers() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.place / "redis.log").read_text()

    def answers(self):
        """Whether it is up; one that wants a password is, too."""
        return any(word in self.cli("PING") for word in ("PONG", "NOAUTH"))

    def cli(self, *words):
        asked = subprocess.run(
            ["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, timeout=10, check=False
        )
        return asked.stdout

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def clear(self):
        self.cli("FLUSHALL")

    def keys(self):
        return int(self.cli("DBSIZE"))

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def store(self, **settings):
        spec = Store(url=settings.pop("url", self.url), **{"timeout_seconds": TIMEOUT_SECONDS} | settings)
        return RedisStore(spec, Secrets())

    def end(self):
        self.resume()
        self.kill()


LOCKING = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


class SqliteFile:
    """An SQLite file. It has no server: killed or paused is another process, which holds its lock."""

    kind = "sqlite"

    def __init__(self, place):
        self.path = place / "shared.db"
        self.holder = None

    def start(self):
        """Nothing is to be started."""

    def kill(self):
        """Kill a process in the middle of a transaction."""
        self.pause()
        self.resume()

    def pause(self):
        self.holder = subprocess.Popen(
            [sys.executable, "-c", LOCKING, self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.holder.stdout.readline() == b"locked\n"

    def resume(self):
        if self.holder:
            self.holder.kill()
            self.holder.wait()
            self.holder.stdin.close()
            self.holder.stdout.close()
        self.holder = None

    def clear(self):
        for path in self.path.parent.glob("shared.db*"):
            path.unlink()

    def keys(self):
        database = sqlite3.connect(self.path)
        try:
            tables = ("buckets", "counters", "sessions")
            return sum(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
        finally:
            database.close()

    def store(self, timeout_seconds=TIMEOUT_SECONDS):
        return SqliteStore(self.path, timeout_seconds)

    def end(self):
        self.resume()


class Slow:
    """A relay on loopback in front of a UNIX socket, which holds each piece of an answer back for a while."""

    def __init__(self, path, delay_seconds):
        self.delay_seconds = delay_seconds
        self._path = str(path)
        self._loop = asyncio.new_event_loop()
        self._tasks = set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        ends = [writer]
        with suppress(asyncio.CancelledError, OSError):
            behind, ahead = await asyncio.open_unix_connection(self._path)
            ends.append(ahead)
            await asyncio.gather(self._copy(reader, ahead, 0), self._copy(behind, writer, 1))
        self._tasks.discard(task)
        for end in ends:
            end.transport.abort()

    async def _copy(self, reader, writer, share):
        with suppress(OSError):
            while piece := await reader.read(65536):
                self._loop.call_later(self.delay_seconds * share, writer.write, piece)

    async def _end(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the loop's next turn

    def close(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Client:
    """What a gateway's control process does with a store, one call at a time."""

    def __init__(self, runner, store, session="one"):
        self.runner = runner
        self.store = store
        self.session = session
        self.number = 0

    def tell(self, *items, again=False):
        """Send a batch of charges and uses, or the last number once more; return the answer."""
        self.number += not again
        charges = tuple(item for item in items if isinstance(item, Charge))
        uses = tuple(item for item in items if isinstance(item, Use))
        return self.runner.run(self.store.exchange(Batch(self.session, self.number, charges, uses)))

    def owed(self, *items, **how):
        (seconds,) = self.tell(*items, **how).owed_seconds
        return seconds

    def used(self, *items, **how):
        (count,) = self.tell(*items, **how).used
        return count

    def fails(self, *items, **how):
        """Return the error of an exchange, and how long it took."""
        begun = time.monotonic()
        with pytest.raises(StoreError) as failed:
            self.tell(*items, **how)
        return failed.value, time.monotonic() - begun

    def until_told(self, *items):
        """Tell a new batch, again and again where the store is too slow for its timeout; it counts once."""
        self.number += 1
        return self.again(*items)

    def again(self, *items):
        """Tell the last batch again until it is answered."""

        def answer():
            try:
                return self.tell(*items, again=True)
            except StoreError:
                return None

        return until(answer)

    def close(self):
        self.runner.run(self.store.close())


def charge(bucket="all", cost=0.0, *, age=0.0, ceiling=1e6):
    return Charge(bucket, cost, age, ceiling)


def use(counter="day", amount=0, *, lasts=3600.0):
    return Use(counter, amount, lasts)


def is_root():
    return os.geteuid() == 0
