"""The numbers of DESIGN.md section 4 and of the issues, each a row: how it is read from the results and what it must reach. Pure."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Literal, NamedTuple

from bench.results import Results, middle


class Verdict(Enum):
    PASS = "PASS"
    FAIL = "FAIL"
    UNMEASURED = "not measured"


class Unit(NamedTuple):
    """What people read, and how much of the measured value (seconds, bytes, ratios) one of it is."""

    name: str
    size: float = 1.0


TIMES, REQUESTS = Unit("x"), Unit("requests")
MILLISECONDS, MEGABYTES, PERCENT = Unit("ms", 1e-3), Unit("MB", 1e6), Unit("%", 1e-2)


class Bound(NamedTuple):
    """What a value must reach (`≥`) or keep to (`≤`), in a unit."""

    sign: Literal["≥", "≤"]
    amount: float
    unit: Unit

    def holds(self, value: float) -> bool:
        limit = self.amount * self.unit.size
        return value >= limit if self.sign == "≥" else value <= limit

    def show(self, value: float | None) -> str:
        if value is None:
            return "-"
        amount = value / self.unit.size
        return f"{amount:,.0f} {self.unit.name}" if abs(amount) >= 1_000 else f"{amount:.3g} {self.unit.name}"

    def __str__(self) -> str:
        return f"{self.sign} {self.amount:g} {self.unit.name}"


def at_least(amount: float, unit: Unit) -> Bound:
    return Bound("≥", amount, unit)


def at_most(amount: float, unit: Unit) -> Bound:
    return Bound("≤", amount, unit)


Reading = Callable[[Results], float | None]


class Target(NamedTuple):
    """One number to reach."""

    what: str
    value: Reading
    bound: Bound

    def judge(self, value: float | None) -> Verdict:
        if value is None:
            return Verdict.UNMEASURED
        return Verdict.PASS if self.bound.holds(value) else Verdict.FAIL


class Line(NamedTuple):
    """A target with what was measured."""

    what: str
    bound: str
    measured: str
    verdict: Verdict


def over(scenario: str, key: str, *peers: str) -> Reading:
    """Compare Casino with the first of the peers that was measured."""

    def read(results: Results) -> float | None:
        ratios = (results.ratio(scenario, key, "casino", peer) for peer in peers)
        return next((ratio for ratio in ratios if ratio is not None), None)

    return read


def own(scenario: str, key: str, entrant: str = "casino") -> Reading:
    return lambda results: results.median(scenario, entrant, key)


def offered(key: str, choose: Callable[[Iterable[float]], float | None] = middle) -> Reading:
    """Read what Casino did in the rounds in which it was offered twice its capacity; `choose` picks one of several."""

    def read(results: Results) -> float | None:
        truly = results.values("overload", "casino", "offered_ratio")
        found = results.values("overload", "casino", key)
        made = [
            found[turn] for turn, ratio in truly.items() if ratio >= OFFERED_PERCENT * PERCENT.size and turn in found
        ]
        return choose(made) if made else None

    return read


def added(key: str) -> Reading:
    return lambda results: results.added("latency", key, "casino", "direct")


TWO, ONE = "casino, 2 workers", "casino, 1 worker"
RATE, BYTES, CPU = "requests_per_second", "body_bytes_per_second", "cpu_seconds_per_request"
EACH = "growth_bytes_per_connection"
OFFERED_PERCENT = 190
"""Below it the offer was not made: the line fails, and nothing else is judged (bench/scenarios/overload.py)."""
TARGETS = (
    Target("small GET, requests/s over Envoy", over("get", RATE, "envoy"), at_least(1.5, TIMES)),
    Target("small GET, requests/s over Caddy", over("get", RATE, "caddy"), at_least(3, TIMES)),
    Target("small GET, requests/s over Traefik", over("get", RATE, "traefik"), at_least(3, TIMES)),
    Target(
        "small GET, requests/s over KrakenD, or its engine", over("get", RATE, "krakend", "lura"), at_least(3, TIMES)
    ),
    Target("small GET, requests/s over nginx", over("get", RATE, "nginx"), at_least(0.5, TIMES)),
    Target("added latency at 1,000 requests/s, p50", added("p50_seconds"), at_most(0.3, MILLISECONDS)),
    Target("added latency at 1,000 requests/s, p99", added("p99_seconds"), at_most(1.5, MILLISECONDS)),
    Target("1 MB bodies down, bytes/s over nginx", over("down", BYTES, "nginx"), at_least(0.8, TIMES)),
    Target("1 MB bodies up, bytes/s over nginx", over("up", BYTES, "nginx"), at_least(0.8, TIMES)),
    Target("1 MB bodies down, memory per connection", own("down", EACH), at_most(1, MEGABYTES)),
    Target("1 MB bodies up, memory per connection", own("up", EACH), at_most(1, MEGABYTES)),
    Target(
        "two workers, CPU seconds per request over one",
        lambda results: results.ratio("workers", CPU, TWO, ONE),
        at_most(1.1, TIMES),
    ),
    Target(
        "two workers, connections at the busier one", own("workers", "busiest_share_ratio", TWO), at_most(60, PERCENT)
    ),
    Target("10,000 idle connections, memory of the worker", own("idle", "worker_rss_bytes"), at_most(150, MEGABYTES)),
    Target("10,000 idle connections, lost", own("idle", "failed"), at_most(0, REQUESTS)),
    Target(
        "10,000 idle TLS connections, memory of the worker",
        own("idle-tls", "worker_rss_bytes"),
        at_most(400, MEGABYTES),
    ),
    Target("10,000 idle TLS connections, lost", own("idle-tls", "failed"), at_most(0, REQUESTS)),
    Target(
        "twice the capacity, truly offered over the peak",
        own("overload", "offered_ratio"),
        at_least(OFFERED_PERCENT, PERCENT),
    ),
    Target("twice the capacity, goodput over the peak", offered("goodput_ratio"), at_least(80, PERCENT)),
    Target("twice the capacity, no answer within 1 s", offered("gave_up_ratio", max), at_most(1, PERCENT)),
    Target("twice the capacity, broken or another answer", offered("failed", max), at_most(0, REQUESTS)),
    Target("twice the capacity, 503 within (p99)", offered("shed_p99_seconds"), at_most(250, MILLISECONDS)),
    Target("twice the capacity, health answered", offered("health_ratio", min), at_least(99, PERCENT)),
    Target("20 reloads under load, failed", own("reload", "failed"), at_most(0, REQUESTS)),
    Target("20 reloads under load, applied", own("reload", "reloads"), at_least(20, Unit("reloads"))),
    Target("limiter and API key on, requests/s over Envoy", over("guarded", RATE, "envoy"), at_least(1.2, TIMES)),
)


def judge_all(results: Results) -> list[Line]:
    read = ((target, target.value(results)) for target in TARGETS)
    return [
        Line(target.what, str(target.bound), target.bound.show(value), target.judge(value)) for target, value in read
    ]
