"""Gateways that share their limits through one Redis: how exact that is, what it costs, and what an outage costs."""

import os
import time
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from bench.machine import choose_cores, pinned
from bench.openloop import offer
from tests.faults.gateway import Casino
from tests.faults.load import Load, get
from tests.store.servers import RedisServer, Slow
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("fleet")

SYNC_SECONDS = 0.1
FLUSH_SECONDS = 0.025
SPEC = """
workers: {workers}
{store}
log: {{to: {log}}}
limits: {{all: {{rate: {rate}/s, burst: {burst}}}}}
routes: {{roll: {{match: GET /roll, answer: {{status: 200, body: six}}}}}}
"""


@pytest.fixture
def ends():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def redis(tmp_path, ends):
    """A server as fleets have it, which does not write to its disk before it answers."""
    server = RedisServer(tmp_path, "--appendonly", "no")
    ends.callback(server.end)
    return server


@pytest.fixture
def gateway(tmp_path, ends):
    """Start gateways of one fleet."""
    count = 0

    def start(url, **settings):
        nonlocal count
        count += 1
        place = tmp_path / f"gateway-{count}"
        place.mkdir()
        casino = Casino(place)
        ends.callback(casino.stop)
        store = f'store: {{url: "{url}", sync: 100ms, timeout: 1s}}' if url else ""
        casino.write(SPEC.format(store=store, log=casino.log, **{"workers": 1, "rate": 200, "burst": 20} | settings))
        casino.start()
        until(lambda: not url or casino.metric("gateway_store_up") == 1)
        return casino

    return start


def load(casino, **how):
    return Load(casino.port, request=get("/roll"), **{"connections": 4, "pause_seconds": 0.01} | how)


@contextmanager
def waiting(seconds):
    """Let something go on for so long."""
    ends = time.monotonic() + seconds
    yield
    until(lambda: time.monotonic() >= ends, seconds=seconds + 10)


def admitted(loads, since, until_):
    return sum(answer.status == 200 and since <= answer.at < until_ for each in loads for answer in each.answers)


@pytest.mark.proves("4.3 two gateways on one Redis let through the rate within the documented error")
@pytest.mark.timeout(180)
def test_two_gateways_let_through_the_rate_of_one(redis, gateway, full, measured):
    rate, burst, seconds = 200, 20, 30 if full else 6
    casinos = [gateway(redis.url, rate=rate, burst=burst) for _ in range(2)]
    begun = time.monotonic()
    with load(casinos[0]) as one, load(casinos[1]) as other, waiting(seconds):
        pass
    ended = begun + seconds
    settled = begun + 1
    assert not one.lost
    assert not other.lost
    together = admitted((one, other), settled, ended)
    asked = sorted(answer.at for each in (one, other) for answer in each.answers if settled <= answer.at < ended)
    # While clients held up by the machine ask for nothing, a bucket fills to its burst, and no further.
    idle_seconds = sum(max(0.0, later - earlier - burst / rate) for earlier, later in pairwise(asked))
    expected = rate * (ended - settled - idle_seconds)
    measured["error"] = f"{together / expected - 1:+.2%} of {expected:.0f}"
    measured["shares"] = [admitted([each], settled, ended) for each in (one, other)]
    allowed = rate * 2 * (SYNC_SECONDS + FLUSH_SECONDS)
    assert abs(together - expected) <= allowed


def cpu_seconds(casino):
    """What all processes of a gateway have used."""
    pids = [casino.pid(path.stem) for path in casino.newest().slots()]
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Meter:
    """Requests answered and CPU time used, over several rounds."""

    def __init__(self, *casinos, redis=None):
        self.casinos = casinos
        self.redis = redis
        self.requests = 0
        self.seconds = 0.0

    def _used(self):
        return sum(map(cpu_seconds, self.casinos)) + (self.redis.cpu_seconds() if self.redis else 0)

    def round(self, seconds):
        before = self._used()
        with ExitStack() as stack:
            loads = [stack.enter_context(load(casino, connections=8, pause_seconds=0)) for casino in self.casinos]
            stack.enter_context(waiting(seconds))
        self.seconds += self._used() - before
        for each in loads:
            assert not each.lost
            assert set(each.statuses) == {200}
            self.requests += len(each.answers)

    @property
    def requests_per_second(self):
        return self.requests / self.seconds


@pytest.mark.proves("4.3 two gateways on one Redis give 1.8 times the throughput of one per CPU second")
@pytest.mark.timeout(300)
def test_sharing_costs_next_to_nothing(redis, gateway, full, measured):
    """Two that share beside two that do not, each pair under the same load: so the machine is as busy for both."""
    plenty = {"rate": 500_000, "burst": 500_000}
    alone = Meter(*(gateway(None, **plenty) for _ in range(2)))
    fleet = Meter(*(gateway(redis.url, **plenty) for _ in range(2)), redis=redis)
    for meter in (alone, fleet, fleet, alone) * (2 if full else 1):
        meter.round(8 if full else 2)
    times = 2 * fleet.requests_per_second / alone.requests_per_second
    measured["times one"] = f"{times:.2f}"
    measured["CPU microseconds per request"] = [round(1e6 / meter.requests_per_second) for meter in (alone, fleet)]
    assert times >= (1.8 if full else 1.5), "a short run is as exact as the clock ticks"


class Outage:
    """A Redis behind a relay of ours, taken away and given back."""

    def __init__(self, redis, relay, kind):
        self.redis = redis
        self.relay = relay
        self.kind = kind

    @contextmanager
    def away(self):
        if self.kind == "stopped":
            self.redis.kill()
        elif self.kind == "paused":
            self.redis.pause()
        else:
            self.relay.delay_seconds = 3.0
        yield
        if self.kind == "stopped":
            self.redis.start()
        elif self.kind == "paused":
            self.redis.resume()
        else:
            self.relay.delay_seconds = 0.0


@pytest.fixture(params=["stopped", "paused", "slow"])
def outage(request, redis, ends):
    relay = Slow(redis.socket, 0.0)
    ends.callback(relay.close)
    return Outage(redis, relay, request.param)


@pytest.mark.proves("4.3 Redis stopped, paused or slow under load: no request fails, traffic is unchanged")
@pytest.mark.timeout(600)
def test_a_store_that_is_away_is_not_noticed_by_traffic(outage, gateway, full, measured):
    cores = choose_cores()
    with pinned(cores.product):
        casino = gateway(outage.relay.url, rate=100_000, burst=10_000, workers=2)
    rate, seconds, rounds = (1000, 30, 3) if full else (300, 2, 1)

    def offered():
        return offer(casino.port, "/roll", rate=rate, seconds=seconds, connections=32, core=cores.load)

    quiet, troubled = [], []
    for _ in range(rounds):
        quiet.append(offered())
        with outage.away():
            until(lambda: casino.metric("gateway_store_up") == 0, seconds=60)
            troubled.append(offered())
            assert casino.metric("gateway_store_up") == 0
        until(lambda: casino.metric("gateway_store_up") == 1, seconds=60)
    # What disturbs a measurement only adds to it: of each kind the least disturbed counts.
    p99s = [sorted(each.times(200).p99_seconds for each in some) for some in (quiet, troubled)]
    for kind, some in zip(("quiet", outage.kind), p99s, strict=True):
        measured[f"p99 {kind}, ms"] = [round(seconds * 1e3, 2) for seconds in some]
    (before, *_), (during, *_) = p99s
    assert [each.failed for each in troubled] == [0] * rounds
    if full:
        assert during - before <= max(0.001, 0.2 * before)
