"""Limits in a worker: asks the shared table what is used, lets a request through or refuses it, and takes note of it.

All limits of a request must agree before anything is taken from one of them. What a request holds while it is under way
is given back when its exchange ends, once, whatever became of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from exporters.catalog.gateway import DEBITS_DROPPED, LIMIT_EVICTIONS, LIMIT_KEYS, LIMITED
from gateway.core.failure import Failure, Refused
from gateway.core.limit import LONGEST_KEY, Rule, room, whole_seconds
from gateway.store.debits import Debit, write_debit
from gateway.store.limits import Bucket, Column, Counts, LimitTable, Rates

if TYPE_CHECKING:
    from gateway.core.plan import Plan
    from gateway.proxy.exchange import Exchange
    from gateway.store.process import Process

_MOST_BUCKETS: Final = 8_192
"""Buckets a worker remembers, about 1 KB each; then it begins anew, for to find one again costs microseconds."""
_MOST_OWING: Final = 20_000
"""Buckets that wait to be told to control; beyond it what they took is counted as dropped."""
_SWEPT_RATES: Final = 32
_SWEPT_COUNTS: Final = 4
"""Sets looked through at each tick: the whole table in about 6 s."""
_ANY: Final = 1 << 62
"""More room than any limit that says a number has."""


class Limit(ABC):
    """One limit, as it holds for one route."""

    failure = Failure.RATE_LIMITED

    def __init__(self, limits: Limits, rule: Rule, refusals: int) -> None:
        """`refusals` is where refusals of this route by this limit are counted."""
        self.rule = rule
        self.refusals = refusals
        self._limits = limits
        self._buckets = limits.buckets(rule.identity)
        self._for_all = rule.by == "all"
        self._for_consumers = rule.by == "consumer"
        self._is_told = rule.is_told
        self._note = f'ratelimit: "{rule.name}";r='.encode()

    def bucket(self, exchange: Exchange) -> Bucket:
        """Find the bucket of whoever asks."""
        origin, caller = exchange.origin, exchange.caller
        assert origin is not None
        if self._for_all:
            who = ""
        elif self._for_consumers:
            who = "@" + origin.client if caller is None else caller.key
        else:
            who = origin.client
        bucket = self._buckets.get(who)
        if bucket is None:
            key = self.rule.key(caller, origin.client)
            bucket = self.column.bucket(self.rule.identity, key, self.rule.period_ns)
            self._limits.remember(self._buckets, who, bucket)
        return bucket

    @property
    def column(self) -> Column:
        """Where it is kept."""
        return self._limits.rates

    @abstractmethod
    def room(self, bucket: Bucket, now_ns: int) -> int:
        """How many requests it takes, the one that asks included; with 0 that one is refused."""

    @abstractmethod
    def wait_ns(self, bucket: Bucket, now_ns: int) -> int:
        """How long who was refused has to wait."""

    @abstractmethod
    def take(self, bucket: Bucket, now_ns: int) -> bool:
        """Count a request; True if it has to be given back."""

    @abstractmethod
    def note(self, bucket: Bucket, found: int, now_ns: int) -> bytes:
        """Write the RateLimit line for the answer to a request that found so much room."""


class RateLimit(Limit):
    """So many requests in a time."""

    def __init__(self, limits: Limits, rule: Rule, refusals: int) -> None:
        super().__init__(limits, rule, refusals)
        self._rates = limits.rates
        self._burst_ns = rule.burst_ns
        self._period_ns = rule.period_ns

    def room(self, bucket: Bucket, now_ns: int) -> int:
        return room(self._rates.read(bucket) - now_ns, self._burst_ns, self._period_ns)

    def wait_ns(self, bucket: Bucket, now_ns: int) -> int:
        return bucket.tat - self._burst_ns - now_ns

    def take(self, bucket: Bucket, now_ns: int) -> bool:
        self._rates.take(bucket, now_ns)
        if self._is_told:
            self._limits.owe(self.rule.identity, bucket)
        return False

    def note(self, bucket: Bucket, found: int, now_ns: int) -> bytes:
        """As `Limit.note`, with the seconds until all of the burst is there again."""
        full_ns = max(bucket.tat - now_ns, 0)
        if found:
            return b"%b%d;t=%d\r\n" % (self._note, found - 1, whole_seconds(full_ns + self._period_ns))
        return b"%b0;t=%d\r\n" % (self._note, whole_seconds(full_ns))


class ConcurrencyLimit(Limit):
    """So many requests at the same time."""

    failure = Failure.CONCURRENCY_LIMITED

    @property
    def column(self) -> Column:
        return self._limits.counts

    def room(self, bucket: Bucket, now_ns: int) -> int:  # noqa: ARG002 - what is under way knows no time
        self._limits.counts.read(bucket)
        return self.rule.size - bucket.used

    def wait_ns(self, bucket: Bucket, now_ns: int) -> int:  # noqa: ARG002 - as above
        """Nobody knows when a request ends; a second is what a client may be asked to wait."""
        return 1

    def take(self, bucket: Bucket, now_ns: int) -> bool:  # noqa: ARG002 - as above
        return self._limits.counts.take(bucket)

    def note(self, bucket: Bucket, found: int, now_ns: int) -> bytes:  # noqa: ARG002 - as above
        return b"%b%d\r\n" % (self._note, found - 1 if found > 0 else 0)


class Quota(Limit):
    """So many requests in a calendar period: control counts them, and says when they are used up."""

    failure = Failure.QUOTA_EXCEEDED

    def room(self, bucket: Bucket, now_ns: int) -> int:
        return 0 if self._limits.rates.read(bucket) > now_ns else _ANY

    def wait_ns(self, bucket: Bucket, now_ns: int) -> int:
        return bucket.tat - now_ns

    def take(self, bucket: Bucket, now_ns: int) -> bool:  # noqa: ARG002 - control decides what period it falls in
        self._limits.owe(self.rule.identity, bucket)
        return False

    def note(self, bucket: Bucket, found: int, now_ns: int) -> bytes:
        """As `Limit.note`; what is left is known here only when it is nothing."""
        return b"" if found else b"%b0;t=%d\r\n" % (self._note, whole_seconds(bucket.tat - now_ns))


class Limiter:
    """All limits of one route."""

    __slots__ = ("_limits", "_policies", "_values")

    def __init__(self, limits: list[Limit], values: memoryview) -> None:
        """`values` are the worker's counters."""
        self._limits = limits
        self._values = values
        policies = b", ".join([limit.rule.policy for limit in limits])
        self._policies = b"ratelimit-policy: %b\r\n" % policies

    def admit(self, exchange: Exchange) -> None:
        """Count a request, or refuse it and count nothing; either way say in its answer what the limits are.

        Raises:
            Refused: one of them has no room.

        """
        now = monotonic_ns()
        buckets: list[Bucket] = []
        tightest, least = 0, _ANY + 1
        for at, limit in enumerate(self._limits):
            bucket = limit.bucket(exchange)
            buckets.append(bucket)
            found = limit.room(bucket, now)
            if found <= 0:
                raise self._refuse(exchange, now)
            if found < least:
                tightest, least = at, found
        for at, limit in enumerate(self._limits):
            if limit.take(buckets[at], now):
                exchange.places += (buckets[at],)
        exchange.notes += self._policies + self._limits[tightest].note(buckets[tightest], least, now)

    def _refuse(self, exchange: Exchange, now: int) -> Refused:
        """Refuse by the limit that lets its caller wait the longest."""
        buckets = [(limit, limit.bucket(exchange)) for limit in self._limits]
        full = [(limit, bucket) for limit, bucket in buckets if limit.room(bucket, now) <= 0]
        limit, bucket = max(full, key=lambda each: each[0].wait_ns(each[1], now))
        self._values[limit.refusals] += 1
        exchange.limit = limit.rule.name
        exchange.notes += self._policies + limit.note(bucket, 0, now)
        seconds = max(1, whole_seconds(limit.wait_ns(bucket, now)))
        return Refused(limit.failure, ((b"retry-after", b"%d" % seconds),))


class Limits:
    """What one worker knows of all limits."""

    def __init__(self, process: Process) -> None:
        table = LimitTable.open(process.build.limits)
        tally = process.slot.tally
        self.rates: Rates = table.rates(process.number)
        self.counts: Counts = table.counts(process.number)
        self._ring = process.slot.debits
        self._tally = tally
        self._values = tally.values
        self._remembered: dict[str, dict[str, Bucket]] = {}
        self._count = 0
        self._owing: list[tuple[str, Bucket]] = []
        self._evicted = 0
        self._keys_at = tally.index(LIMIT_KEYS, (str(process.number),))
        self._evictions_at = tally.index(LIMIT_EVICTIONS, ())
        self._dropped_at = tally.index(DEBITS_DROPPED, ())

    def limiter(self, plan: Plan) -> Limiter | None:
        """Make what a route's requests are held to; None if there are no limits."""
        limits = [self._limit(plan.name, rule) for rule in plan.limits]
        return Limiter(limits, self._values) if limits else None

    def _limit(self, route: str, rule: Rule) -> Limit:
        refusals = self._tally.index(LIMITED, (route, rule.name))
        if rule.is_rate:
            return RateLimit(self, rule, refusals)
        return Quota(self, rule, refusals) if rule.is_quota else ConcurrencyLimit(self, rule, refusals)

    def buckets(self, identity: str) -> dict[str, Bucket]:
        """Give the buckets remembered of one limit, which several routes may share."""
        return self._remembered.setdefault(identity, {})

    def remember(self, buckets: dict[str, Bucket], who: str, bucket: Bucket) -> None:
        """Keep a bucket at hand, unless its caller's name is one of those that would fill the memory."""
        if len(who) > LONGEST_KEY:
            return
        if self._count >= _MOST_BUCKETS:
            for each in self._remembered.values():
                each.clear()
            self._count = 0
        self._count += 1
        buckets[who] = bucket

    def give_back(self, places: tuple[Bucket, ...]) -> None:
        """Let go of what a request held while it was under way."""
        for bucket in places:
            self.counts.give_back(bucket)

    # ---- what control has to know

    def owe(self, identity: str, bucket: Bucket) -> None:
        """Count a request that control is to be told of."""
        if not bucket.owed:
            if len(self._owing) >= _MOST_OWING:
                self._values[self._dropped_at] += 1
                return
            self._owing.append((identity, bucket))
        bucket.owed += 1

    def tick(self) -> None:
        """Tell control what is owed, and give up what nobody needs any more."""
        if self._owing:
            self._tell()
        self.rates.sweep(monotonic_ns(), _SWEPT_RATES)
        self.counts.sweep(0, _SWEPT_COUNTS)
        evicted = self.rates.evicted + self.counts.evicted
        self._values[self._evictions_at] += evicted - self._evicted
        self._evicted = evicted
        self._values[self._keys_at] = self.rates.taken + self.counts.taken

    def _tell(self) -> None:
        """Put what is owed into the ring; what finds no room waits for the next tick."""
        ring = self._ring
        assert ring is not None
        told = 0
        for identity, bucket in self._owing:
            debit = Debit(limit=identity, key=bucket.key, fingerprint=bucket.fingerprint, count=bucket.owed)
            if not ring.put(write_debit(debit)):
                break
            bucket.owed = 0
            told += 1
        del self._owing[:told]
