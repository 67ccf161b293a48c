"""Who gets which version: shares by weight, and rules that choose."""

import json
from contextlib import ExitStack

import pytest

from tests.faults.hostile import all_of, talk
from tests.faults.load import Load, get
from tests.faults.upstreams import Upstream
from tests.games.conftest import running
from tests.serve.running import ROOT

WEIGHTS = {"a": (1, 0.1), "b": (10, 0.5), "c": (50, 1.0), "d": (39, 1.0)}
"""Per cent, and how many percentage points the observed share may be off."""
SPEC = """
workers: 2
log: {{to: {log}}}
upstreams: {{game: {{versions: {{{versions}}}}}}}
routes: {{all: {{match: /**, to: game, split: {{{split}}}}}}}
"""
GAMES = {
    "7001": ("dice", "v1"),
    "7002": ("dice", "v1"),
    "7011": ("dice", "v2"),
    "7021": ("cards", "poker"),
    "7031": ("cards", "pokemon"),
}


@pytest.mark.proves("3.8 weights of 1, 10 and 50 %: observed within 0.1, 0.5 and 1 percentage points")
@pytest.mark.timeout(240)
def test_each_version_gets_its_share(casino, full, measured):
    requests = 100_000 if full else 20_000
    with ExitStack() as started:
        upstreams = {name: started.enter_context(Upstream()) for name in WEIGHTS}
        versions = ", ".join(f'{name}: ["{upstream.url}"]' for name, upstream in upstreams.items())
        split = ", ".join(f"{name}: {weight}%" for name, (weight, _) in WEIGHTS.items())
        casino.write(SPEC.format(log=casino.log, versions=versions, split=split))
        casino.start()
        with Load(casino.port, connections=20, request=get("/"), most=requests) as load:
            load.wait()
        got = {name: upstream.paths["/"] for name, upstream in upstreams.items()}
    off = {name: got[name] * 100 / requests - weight for name, (weight, _) in WEIGHTS.items()}
    measured |= {"requests": requests, "percentage points off": {name: round(off[name], 3) for name in off}}
    assert load.statuses == {200: requests}
    assert {name for name, (_, most) in WEIGHTS.items() if abs(off[name]) > most} == set()


@pytest.fixture(scope="module")
def example(shared):
    """examples/casino.yaml and all its games, on ports that are free."""
    text = (ROOT / "examples" / "casino.yaml").read_text()
    with ExitStack() as started:
        for port, (game, version) in GAMES.items():
            url = started.enter_context(running(game, "--version", version)).said.split()[-1]
            text = text.replace(f"http://127.0.0.1:{port}", url)
        text = text.replace(":8080", f":{shared.port}").replace(":9080", f":{shared.control_port}")
        text = text.replace(":8443", ":0")
        shared.spec.write_text(text)
        shared.start()
        yield shared


def version(answer):
    return json.loads(answer)["version"]


@pytest.mark.xdist_group("example")
@pytest.mark.proves("3.8 a header rule sends a chosen subset to the pokemon cards, everyone else gets poker")
def test_a_header_chooses_pokemon_and_everyone_else_plays_poker(example, full, measured):
    requests = 10_000 if full else 1_000
    chosen = [get("/cards/5", "X-Beta: 1")]
    others = [get("/cards/5"), get("/cards/5", "X-Beta: 0"), get("/cards/5", "X-Beta: 11"), get("/cards/5", "Beta: 1")]
    measured |= {"requests each": requests}
    assert versions_of(example.port, chosen, requests) == {"pokemon"}
    assert versions_of(example.port, others, requests) == {"poker"}


def versions_of(port, kinds, requests):
    """Ask in turn, each kind of request as often, and list who answered."""
    with Load(port, connections=8, request=lambda number: kinds[number % len(kinds)], most=requests) as load:
        load.wait()
    assert load.statuses == {200: requests}
    return {version(answer.body) for answer in load.answers}


WAYS = {
    "path": (get("/v1/roll/6"), get("/v2/roll/6")),
    "header": (get("/dice/6"), get("/dice/6", "X-Api-Version: 2")),
    "media type": (
        get("/dice/6", "Accept: application/json"),
        get("/dice/6", "Accept: application/vnd.casino.v2+json"),
    ),
    "host": (get("/dice/6"), get("/roll/6", host="v2.dice.example")),
}


@pytest.mark.xdist_group("example")
@pytest.mark.proves("3.8 two versions of one API live together, chosen by path, header, media type or host")
@pytest.mark.parametrize("way", WAYS)
def test_a_client_chooses_its_version(example, way):
    asked = [request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") for request in WAYS[way]]
    replies = all_of(talk(example.port, [request]) for request in asked for _ in range(20))
    found = [version(reply.received.partition(b"\r\n\r\n")[2]) for reply in replies]
    assert found == ["v1"] * 20 + ["v2"] * 20
