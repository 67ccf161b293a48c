"""Gateways that share their limits through one Redis: how exact that is, what it costs, and what an outage costs."""

import os
import time
from contextlib import ExitStack, contextmanager

import pytest

from tests.faults.gateway import Casino
from tests.faults.load import Load, get
from tests.store.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("fleet")

SYNC_SECONDS = 0.1
FLUSH_SECONDS = 0.025
SPEC = """
workers: {workers}
store: {{url: "{url}", sync: 100ms, timeout: 300ms}}
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
    server = RedisServer(tmp_path)
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
        casino.write(SPEC.format(url=url, log=casino.log, **{"workers": 1, "rate": 200, "burst": 20} | settings))
        casino.start()
        until(lambda: casino.metric("gateway_store_up") == 1)
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
    expected = rate * (ended - settled)
    measured["error"] = f"{together / expected - 1:+.2%} of {expected:.0f}"
    measured["shares"] = [admitted([each], settled, ended) for each in (one, other)]
    allowed = rate * 2 * (SYNC_SECONDS + FLUSH_SECONDS)
    assert abs(together - expected) <= allowed
