"""What this gateway let through and the store has not heard of, in batches that can be told again.

It is bounded: beyond the bound it gives up rates before quotas, since a bucket refills by itself and a count does not.
It knows no store, no clock and no shared memory.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct

from gateway.core.limit import SECOND_NS, Rule
from gateway.core.period import Period, period_of
from gateway.store.debits import Debit
from gateway.store.shared import Batch, Charge, Use

MOST_KEYS = 50_000
"""Keys remembered while the store is away: some 20 MB."""
MOST_TOLD = 5_000
"""Keys in one batch: about 10 ms of the store's time, and of ours."""
LATE_SECONDS = 1.0
"""What is told later than this was admitted while the store was away."""
OVERSHOOT_SECONDS = 5.0
"""What a bucket may owe beyond what it holds: gateways that do not know of each other yet may use so much too much in one
interval. A clock of the store that is set back costs callers no more than this."""
KEPT_SECONDS = 3600.0
"""How long a counter outlives its period: the clocks of hosts differ."""


_Name = TypeVar("_Name")


class Spent(Struct):
    """What one key used of one limit."""

    rule: Rule
    key: str
    fingerprint: int
    period: Period | None
    """Of a quota."""
    since: float
    """When the first of these requests was let through, at the earliest; monotonic seconds."""
    count: int = 0

    @property
    def name(self) -> str:
        """What the store calls it."""
        return (
            f"{self.rule.identity}:{self.period.name}:{self.key}" if self.period else f"{self.rule.identity}:{self.key}"
        )


class Told(Struct, frozen=True):
    """One batch as it was told, and is told again until it is answered."""

    number: int
    rates: tuple[Spent, ...]
    quotas: tuple[Spent, ...]

    @property
    def requests(self) -> int:
        """How many requests it tells of."""
        return sum(spent.count for spent in (*self.rates, *self.quotas))

    def batch(self, session: str, now: float, unix_seconds: float) -> Batch:
        """Put it into words; the older it is, the older are its charges."""
        charges = tuple(_charge(spent, now) for spent in self.rates)
        return Batch(session, self.number, charges, tuple(_use(spent, unix_seconds) for spent in self.quotas))


class Unsent:
    """Sums by limit and key."""

    def __init__(self) -> None:
        self._rates: dict[tuple[str, str], Spent] = {}
        self._quotas: dict[tuple[str, str, str], Spent] = {}
        self.dropped = 0
        """Requests given up for want of room, ever."""

    @property
    def requests(self) -> int:
        """How many requests wait to be told."""
        return sum(spent.count for kept in (self._rates, self._quotas) for spent in kept.values())

    def __bool__(self) -> bool:
        return bool(self._rates or self._quotas)

    def add(self, debits: Iterable[Debit], rules: Mapping[str, Rule], since: float, unix_seconds: float) -> None:
        """Add what workers told since `since`; what a limit let through that is no longer in the spec is of no use."""
        for debit in debits:
            rule = rules.get(debit.limit)
            if rule and (spent := self._entry(debit, rule, since, unix_seconds)):
                spent.count += debit.count
            elif rule:
                self.dropped += debit.count

    def waiting(self, rule: Rule, key: str) -> int:
        """How much of a rate is not told yet."""
        spent = self._rates.get((rule.identity, key))
        return spent.count if spent else 0

    def take(self, number: int) -> Told:
        """Hand over a batch, quotas first."""
        quotas = _pop(self._quotas, MOST_TOLD)
        return Told(number, _pop(self._rates, MOST_TOLD - len(quotas)), quotas)

    def _entry(self, debit: Debit, rule: Rule, since: float, unix_seconds: float) -> Spent | None:
        if not rule.is_quota:
            name = debit.limit, debit.key
            if name not in self._rates and not self._is_full:
                self._rates[name] = Spent(rule, debit.key, debit.fingerprint, None, since)
            return self._rates.get(name)
        period = period_of(unix_seconds, rule.limit.period)
        counter = debit.limit, debit.key, period.name
        if counter not in self._quotas and self._makes_room():
            self._quotas[counter] = Spent(rule, debit.key, debit.fingerprint, period, since)
        return self._quotas.get(counter)

    @property
    def _is_full(self) -> bool:
        return len(self._rates) + len(self._quotas) >= MOST_KEYS

    def _makes_room(self) -> bool:
        if self._is_full and self._rates:
            _, given_up = self._rates.popitem()
            self.dropped += given_up.count
        return not self._is_full


def _pop(kept: dict[_Name, Spent], most: int) -> tuple[Spent, ...]:
    """Take the oldest out."""
    names = list(kept)[:most]
    return tuple(kept.pop(name) for name in names)


def _charge(spent: Spent, now: float) -> Charge:
    period_seconds = spent.rule.period_ns / SECOND_NS
    age_seconds = now - spent.since
    holds_seconds = spent.rule.size * period_seconds
    beyond_seconds = 0.0 if age_seconds > LATE_SECONDS else OVERSHOOT_SECONDS
    return Charge(spent.name, spent.count * period_seconds, age_seconds, holds_seconds + beyond_seconds)


def _use(spent: Spent, unix_seconds: float) -> Use:
    assert spent.period, "only quotas have counters"
    return Use(spent.name, spent.count, max(0.0, spent.period.ends - unix_seconds) + KEPT_SECONDS)
