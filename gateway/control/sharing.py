"""Tells the store what this gateway let through, and the workers what other gateways did.

Nobody waits for it. Workers decide by shared memory alone; a store that is down, stopped or slow costs nothing but
the exactness of what is shared. What it could not tell it keeps and tells later, and a batch counts once however often
it is told. A quota that is used up is blocked in the workers' table until its period ends.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from exporters.catalog.gateway import DEBITS_DROPPED, STORE_EXCHANGES, STORE_SECONDS
from gateway.control.unsent import MOST_KEYS, Spent, Told, Unsent
from gateway.core.limit import SECOND_NS, Rule, all_rules
from gateway.spec.limit import Store
from gateway.spec.model import Spec
from gateway.store.debits import read_debits
from gateway.store.limits import LimitTable, Rates
from gateway.store.redis import RedisStore
from gateway.store.secrets import Secrets
from gateway.store.shared import Answer, SharedStore, StoreError, StoreFault
from gateway.store.slot import Slot
from gateway.store.sqlite import SqliteStore
from gateway.store.tally import Tally

logger = logging.getLogger("casino.control")

FLUSH_SECONDS = 0.025
"""How long a worker keeps a debit to itself."""
IDLE_SECONDS = 1.0
"""The store is asked this often at least, so that an outage is seen while nobody calls."""
MOST_PAUSE_SECONDS = 2.0
LEFT_BYTES = 256 * 1024
"""How much of a worker's ring may wait while the store is away: what is there survives this process."""
MOST_READ_BYTES = 1024 * 1024
ASKED_AGAIN = 100
"""Quotas used up that are looked at again in each exchange, in turn: somebody may have raised one, or cleared its counter."""
SWEPT_SETS = 256
EDGES_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
OK = "ok"


def open_store(spec: Store, secrets_: Secrets) -> SharedStore:
    """Give the store the spec names; nothing is opened before the first exchange."""
    if spec.is_of_one_host:
        return SqliteStore(Path(spec.url.removeprefix("sqlite:")), spec.timeout_seconds)
    return RedisStore(spec, secrets_)


class Sharing:
    """One gateway's part in what the fleet shares."""

    def __init__(self, workers: Iterable[Path], table: LimitTable, tally: Tally, spec: Callable[[], Spec]) -> None:
        self._rings = [ring for ring in (Slot.open(path, writable=True).debits for path in workers) if ring]
        self._rates: Rates = table.rates(0)
        self._tally = tally
        self._wanted = spec
        self._spec: Spec | None = None
        self._rules: dict[str, Rule] = {}
        self._secrets = Secrets()
        self._store: SharedStore | None = None
        self._session = secrets.token_hex(8)
        self._number = 0
        self._unsent = Unsent()
        self._told: Told | None = None
        """A batch that was not answered yet."""
        self._collected = time.monotonic()
        self._answered = self._lost = 0.0
        self._failures = 0
        self._blocked: dict[str, Spent] = {}
        self._seconds = tally.histogram(STORE_SECONDS, (), EDGES_SECONDS)
        for result in (OK, *StoreFault):
            tally.index(STORE_EXCHANGES, (str(result),))

    @property
    def up(self) -> bool | None:
        """Whether the last exchange went well; None without a store."""
        return self._failures == 0 if self._store else None

    @property
    def unsent_requests(self) -> int:
        """How many requests the store has not heard of."""
        return self._unsent.requests + (self._told.requests if self._told else 0)

    async def run(self) -> None:
        """Exchange until cancelled."""
        while True:
            await asyncio.sleep(await self.turn())

    async def turn(self) -> float:
        """Exchange once if there is reason to, and return how long to pause."""
        await self._follow()
        self._rates.sweep(time.monotonic_ns(), SWEPT_SETS)
        if not self._store or not self._spec or not self._spec.store:
            return IDLE_SECONDS
        begun = time.monotonic()
        self._collect()
        if self._told or self._unsent or self._blocked or begun - self._answered >= IDLE_SECONDS:
            await self._exchange(self._store)
        sync_seconds = self._spec.store.sync_seconds
        if self._failures:
            pause: float = min(sync_seconds * 2**self._failures, MOST_PAUSE_SECONDS)
            return pause * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
        return max(0.0, sync_seconds - (time.monotonic() - begun))

    async def stop(self) -> None:
        """Tell what is left, if the store listens, and let go of it."""
        if self._store:
            self._collect()
            while self._told or self._unsent:
                await self._exchange(self._store)
                if self._failures:
                    break
            await self._store.close()
            self._store = None

    # ---- the spec

    async def _follow(self) -> None:
        """Take up another spec."""
        wanted = self._wanted()
        if wanted is self._spec:
            return
        before, self._spec = self._spec.store if self._spec else None, wanted
        self._rules = all_rules(wanted)
        if wanted.store == before:
            return
        if self._store:
            await self._store.close()
        self._store = open_store(wanted.store, self._secrets) if wanted.store else None
        self._failures = 0
        if not wanted.store:
            for spent in list(self._blocked.values()):
                self._unblock(spent)

    # ---- from the workers, to the store

    def _collect(self) -> None:
        """Take what workers told. While the store is away most of it stays with them."""
        now, unix_seconds = time.monotonic(), time.time()
        dropped = self._unsent.dropped
        for ring in self._rings:
            if self._failures and ring.waiting_bytes < LEFT_BYTES:
                continue
            lines = ring.peek(MOST_READ_BYTES)
            self._unsent.add(read_debits(lines), self._rules, self._collected - FLUSH_SECONDS, unix_seconds)
            ring.advance(len(lines))
        self._tally.add(DEBITS_DROPPED, (), self._unsent.dropped - dropped)
        if not self._failures:
            self._collected = now

    async def _exchange(self, store: SharedStore) -> None:
        told = self._told = self._told or self._next()
        begun = time.monotonic()
        try:
            answer = await store.exchange(told.batch(self._session, begun, time.time()))
        except StoreError as failed:
            self._tally.add(STORE_EXCHANGES, (failed.fault.value,))
            self._fail(failed)
            return
        finally:
            self._seconds.observe(time.monotonic() - begun)
        self._tally.add(STORE_EXCHANGES, (OK,))
        self._told = None
        self._recover()
        self._answered = time.monotonic()
        self._collect()
        self._apply(told, answer, int(begun * SECOND_NS))

    def _next(self) -> Told:
        self._number += 1
        told = self._unsent.take(self._number)
        again = islice(self._blocked.values(), ASKED_AGAIN)
        return Told(told.number, told.rates, (*told.quotas, *again))

    # ---- from the store, to the workers

    def _apply(self, told: Told, answer: Answer, asked_ns: int) -> None:
        for spent, owed_seconds in zip(told.rates, answer.owed_seconds, strict=True):
            self._owe(spent, asked_ns + int(owed_seconds * SECOND_NS))
        for spent, used in zip(told.quotas, answer.used, strict=True):
            self._count(spent, used)

    def _owe(self, spent: Spent, tat_ns: int) -> None:
        """Let the bucket be at least as full as it is for all gateways together, and what they were not told yet."""
        period_ns = spent.rule.period_ns
        bucket = self._rates.named(spent.fingerprint, period_ns)
        now_ns = time.monotonic_ns()
        here_ns = max(self._rates.read(bucket), now_ns)
        there_ns = tat_ns + self._unsent.waiting(spent.rule, spent.key) * period_ns
        if there_ns - here_ns >= period_ns:
            self._rates.push(bucket, now_ns, (there_ns - here_ns) // period_ns)

    def _count(self, spent: Spent, used: int) -> None:
        """Block a quota that is used up; unblock one that no longer is."""
        assert spent.period, "only quotas are counted"
        rule = self._rules.get(spent.rule.identity)
        left_seconds = spent.period.ends - time.time()
        if left_seconds <= 0:
            self._blocked.pop(spent.name, None)  # it ended by itself, and the bucket is the next period's
        elif rule is None or used < rule.size:
            self._unblock(spent)
        else:
            now_ns = time.monotonic_ns()
            until_ns = now_ns + int(left_seconds * SECOND_NS)
            self._rates.block(self._rates.named(spent.fingerprint, 0), now_ns, until_ns)
            self._blocked.pop(spent.name, None)  # those looked at longest ago come first
            self._blocked[spent.name] = Spent(rule, spent.key, spent.fingerprint, spent.period, spent.since)
            if len(self._blocked) > MOST_KEYS:  # one not asked about again stays blocked until its period ends
                del self._blocked[next(iter(self._blocked))]

    def _unblock(self, spent: Spent) -> None:
        if self._blocked.pop(spent.name, None):
            self._rates.unblock(self._rates.named(spent.fingerprint, 0))

    # ---- outages

    def _fail(self, failed: StoreError) -> None:
        if not self._failures:
            self._lost = time.monotonic()
            fields = {"casino.store": failed.fault.value, "error.message": str(failed)}
            logger.error("store_lost", extra={"fields": fields})
        self._failures = min(self._failures + 1, 30)

    def _recover(self) -> None:
        if self._failures:
            fields = {"event.duration": int((time.monotonic() - self._lost) * SECOND_NS)}
            logger.warning("store_back", extra={"fields": fields})
        self._failures = 0
