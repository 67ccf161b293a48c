"""A target that dies under load and comes back: no client sees it go, and it is loaded gently when it returns."""

from datetime import datetime
from math import inf

import pytest

from tests.faults.load import Load, get
from tests.games.conftest import running
from tests.waiting import until

SPEC = """
workers: 2
log: {{to: {log}}}
upstreams:
  dice:
    versions: {{v1: [{targets}]}}
    health: {{path: /health, every: 300ms, timeout: 300ms}}
    retry: {{attempts: 1, budget: 20%}}
    slow_start: {slow_start}s
routes: {{roll: {{match: "GET /roll/{{sides}}", to: dice}}}}
"""
DICE = ("dice", "--version", "v1", "--port")


def is_up(casino, url):
    return casino.metric("gateway_target_up", target=url) == 1


def shares(lines, url, slow_start_seconds):
    """The target's part of the first, the middle and the time after its slow start.

    The middle is half of it: a machine that stalls leaves some of it without any request.
    """
    times = [(datetime.fromisoformat(line.timestamp).timestamp(), line.target == url) for line in lines]
    begun = min(at for at, its in times if its)
    parts = {"first tenth": [], "middle": [], "after": []}
    for at, its in times:
        share = (at - begun) / slow_start_seconds
        for name, starts, ends in (("first tenth", 0, 0.1), ("middle", 0.25, 0.75), ("after", 1, inf)):
            if starts <= share < ends:
                parts[name].append(its)
    return {name: sum(part) / len(part) for name, part in parts.items() if part}


@pytest.mark.proves("3.7 a target dies under load: no client error; it returns with slow start")
@pytest.mark.timeout(180)
def test_a_target_that_dies_costs_no_request_and_returns_slowly(casino, full, measured):
    connections, answers, slow_start_seconds = (200, 30_000, 10) if full else (40, 1_000, 3)
    with running(*DICE, "0") as one, running(*DICE, "0") as other:
        url = other.said.split()[-1]
        settings = {"log": casino.log, "slow_start": slow_start_seconds}
        casino.write(SPEC.format(targets=f"{one.said.split()[-1]}, {url}", **settings))
        casino.start()
        with Load(casino.port, connections=connections, request=get("/roll/6"), pause_seconds=0.03) as load:
            load.grows(answers)
            other.process.kill()
            until(lambda: not is_up(casino, url))
            load.grows(answers)
            before = len(casino.access())
            with running(*DICE, url.rpartition(":")[2]):
                until(lambda: url in {line.target for line in casino.access()[before:]})
                until(lambda: "after" in shares(casino.access()[before:], url, slow_start_seconds), seconds=30)
                load.grows(answers // 2)
                load.stop()
                until(lambda: len(casino.access()) == len(load.answers))
    lines = casino.access()
    parts = shares(lines[before:], url, slow_start_seconds)
    measured |= {
        "answers": len(load.answers),
        "errors": len(load.answers) - load.statuses[200],
        "lost": len(load.lost),
        "retried": sum(line.retries > 0 for line in lines),
        "share in slow start": ", ".join(f"{name} {part:.0%}" for name, part in parts.items()),
    }
    assert load.statuses.keys() == {200}
    assert not load.lost
    assert parts["first tenth"] < 0.2
    assert parts["first tenth"] < parts["middle"] < parts["after"]
    assert parts["after"] == pytest.approx(0.5, abs=0.05)
