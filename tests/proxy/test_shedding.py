"""A worker that is behind refuses at once what comes late, answers for its health, and counts all of it."""

import json
from hashlib import sha256

import pytest

from exporters.catalog.gateway import FAILURES, LOG_DROPPED, REQUESTS, RESPONSES, SENT
from gateway.proxy.shedding import LOGGED_PER_TICK
from gateway.proxy.table import UNROUTED
from tests.proxy.data_plane import Gateway
from tests.proxy.laboratory import Laboratory
from tests.proxy.wire import Client, Message

CLIENTS, REQUESTS_EACH, MOST_ROUNDS, MANY = 800, 3, 40, 100
HEADER_LINES = 90
"""Each connection has one request served in a turn: 800 of these make it long on any machine."""
KEY = "the one that is known"
HEALTH = b"GET /.casino/health HTTP/1.1\r\nHost: a\r\n\r\n"


def heavy(number: int, target: bytes, body: bytes) -> bytes:
    """A request of a kind no worker has seen: its head takes time to read."""
    lines = b"".join(b"X-%d-%d: %d\r\n" % (number, line, line) for line in range(HEADER_LINES))
    if not body:
        return b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (target, lines)
    return b"POST %b HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (target, lines, len(body), body)


def flood(gateway: Gateway, clients: list[Client], target: bytes, body: bytes = b"") -> None:
    """Ask more than can be done, all at once, whoever else has the CPU meanwhile."""
    with gateway.still():
        for number, client in enumerate(clients):
            client.send(*(heavy(number * REQUESTS_EACH + one, target, body) for one in range(REQUESTS_EACH)))


@pytest.fixture
def crowd(gateway, connect):
    gateway.lines()
    return [connect() for _ in range(CLIENTS)]


@pytest.fixture
def overload(crowd, gateway):
    """Ask until many are refused; give all answers."""

    def ask(target: bytes, body: bytes = b"") -> list[Message]:
        answers: list[Message] = []
        for _ in range(MOST_ROUNDS):
            flood(gateway, crowd, target, body)
            answers += [client.message() for client in crowd for _ in range(REQUESTS_EACH)]
            if sum(answer.failure == "overload" for answer in answers) >= MANY:
                return answers
        raise AssertionError("hardly anybody was refused")

    return ask


@pytest.mark.parametrize(
    ("target", "route"),
    [pytest.param(b"/static", "static", id="on its route"), pytest.param(b"/none", UNROUTED, id="on none")],
)
def test_what_comes_late_is_refused_on_its_connection_and_counted(target, route, overload, gateway, configure):
    configure(rest="")
    kinds = {
        "responses": lambda: gateway.total(RESPONSES, route=route, code="503"),
        "failures": lambda: gateway.total(FAILURES, route=route, failure="overload"),
        "bad": lambda: gateway.total(REQUESTS, route=route, **{"class": "5xx"}, source="gateway"),
        "sent": lambda: gateway.total(SENT, route=route),
        "all": lambda: gateway.total(RESPONSES),
        "dropped": lambda: gateway.total(LOG_DROPPED),
        "unlogged": lambda: gateway.total(LOG_DROPPED, reason="overload"),
    }
    before = {name: kind() for name, kind in kinds.items()}
    answers = overload(target)
    lines = len(gateway.lines())
    added = {name: kind() - before[name] for name, kind in kinds.items()}
    refused = [answer for answer in answers if answer.failure == "overload"]
    assert added["responses"] == added["failures"] == len(refused)
    assert added["bad"] == (len(refused) if route == "static" else 0)
    assert added["sent"] == sum(len(answer.body) for answer in answers)
    assert added["all"] == len(answers) == lines + added["dropped"]
    assert 0 < added["unlogged"] <= len(refused)


def test_a_refusal_reads_like_any_other_failure(crowd, overload):
    refused = [answer for answer in overload(b"/static") if answer.failure == "overload"]
    for answer in refused:
        told = json.loads(answer.body)
        assert (answer.status, told["status"], told["failure"]) == (503, 503, "overload")
        assert told["instance"].encode() == answer.one(b"x-request-id")
        assert answer.one(b"content-type") == b"application/problem+json"
        assert (answer.one(b"retry-after"), answer.one(b"cache-control")) == (b"1", b"no-store")
        assert answer.one(b"date")
    assert len({answer.one(b"x-request-id") for answer in refused}) == len(refused)
    assert len({tuple(name for name, _ in answer.headers) for answer in refused}) == 1
    assert [client.ask(b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n").status for client in crowd] == [203] * CLIENTS


def test_a_flood_of_small_bodies_is_refused_as_one_of_none_on_connections_that_live_on(crowd, overload):
    answers = overload(b"/static", b"a" * 100)
    assert {answer.failure for answer in answers} == {None, "overload"}
    assert [client.ask(b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n").status for client in crowd] == [203] * CLIENTS


def test_health_is_answered_meanwhile(crowd, connect, gateway):
    watcher = connect()
    for _ in range(MOST_ROUNDS):
        flood(gateway, crowd, b"/static")
        assert watcher.ask(HEALTH).failure is None
        if any(client.message().failure for client in crowd for _ in range(REQUESTS_EACH)):
            return
    raise AssertionError("nobody was refused")


@pytest.mark.parametrize(
    ("lines", "deep", "statuses"),
    [
        pytest.param(b"X-API-Key: " + KEY.encode() + b"\r\n", False, [b"200"], id="a known key"),
        pytest.param(b"X-API-Key: " + KEY.encode() + b"\r\n", True, [b"503"], id="a known key, far behind"),
        pytest.param(b"X-API-Key: another\r\n", False, [b"503"], id="an unknown key"),
        pytest.param(b"", False, [b"503"], id="none"),
    ],
)
def test_callers_who_are_known_go_before_others(lines, deep, statuses, tmp_path):
    laboratory = Laboratory(tmp_path)
    laboratory.surroundings.apply(
        wait=False,
        top=f"consumers: {{shop: {{keys: {sha256(KEY.encode()).hexdigest()}}}}}",
        routes="  keyed: {match: /keyed, answer: {status: 200}, identity: key}",
    )
    laboratory.fall_behind(deep=deep)
    asked = b"GET /keyed HTTP/1.1\r\nHost: a\r\n%b\r\n" % lines
    for _ in range(2 * LOGGED_PER_TICK):
        assert laboratory.play([asked], b"")[0] == statuses
    laboratory.close()
