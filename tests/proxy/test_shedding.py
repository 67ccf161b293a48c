"""A worker that is behind refuses at once what comes late, answers for its health, and counts all of it."""

import json
import re
from hashlib import sha256

import pytest

from exporters.catalog.gateway import FAILURES, LOG_DROPPED, REQUESTS, RESPONSES, SENT
from gateway.proxy.shedding import LOGGED_PER_TICK
from gateway.proxy.table import UNROUTED
from tests.proxy.data_plane import Gateway
from tests.proxy.laboratory import End, Laboratory
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


HOST = b" HTTP/1.1\r\nHost: a\r\n"
PREFLIGHT = b"Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"
ROUTES = """
  keyed: {match: /keyed, answer: {status: 200}}
  shared:
    match: POST /shared
    answer: {status: 200}
    cors: {origins: ["https://a.example"], methods: [POST]}
"""


@pytest.mark.parametrize("deny", ["", "addresses: {deny: 127.0.0.0/8}"], ids=["", "denied address"])
@pytest.mark.parametrize(
    ("asked", "closing"),
    [
        pytest.param(b"GET /keyed" + HOST + b"\r\n", False, id="a page"),
        pytest.param(b"GET /none" + HOST + b"\r\n", False, id="no route"),
        pytest.param(b"POST /none" + HOST + b"Content-Length: 1\r\n\r\na", False, id="no route, a body"),
        pytest.param(b"HEAD /keyed" + HOST + b"\r\n", False, id="no body is wanted"),
        pytest.param(b"GET /keyed" + HOST + b"Connection: close\r\n\r\n", False, id="the last of the connection"),
        pytest.param(b"GET /keyed" + HOST + b"\r\n", True, id="the last of a worker that ends"),
        pytest.param(b"GET /keyed" + HOST + b"Expect: 100-continue\r\n\r\n", False, id="nothing to expect"),
        pytest.param(b"GET /keyed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False, id="HTTP/1.0"),
        pytest.param(b"GET /keyed HTTP/1.0\r\n\r\n", False, id="HTTP/1.0, once"),
        pytest.param(b"GET /%zz" + HOST + b"\r\n", False, id="no target"),
        pytest.param(b"GET /keyed?" + 9_000 * b"a" + HOST + b"\r\n", False, id="too long a target"),
        pytest.param(b"OPTIONS /shared" + HOST + PREFLIGHT, False, id="a preflight"),
        pytest.param(b"GET /keyed" + HOST + b"X-Request-Id: good\r\n\r\n", False, id="an id nobody vouches for"),
    ],
)
def test_the_short_way_answers_and_counts_as_the_long_one_does(asked, closing, deny, tmp_path):
    laboratory = Laboratory(tmp_path)
    laboratory.surroundings.apply(wait=False, top=deny, rest="", routes=ROUTES)
    laboratory.fall_behind(deep=True)
    if closing:
        laboratory.end_soon()
    told = []
    for lines in (2, 0):
        end, before = End(), laboratory.totals()
        laboratory.allow_lines(lines)
        laboratory.play([asked, asked], b"", end)
        added = {key: count - before.get(key, 0) for key, count in laboratory.totals().items()}
        answers = re.sub(rb"[0-9a-f]{32}", b"", end.written)
        told.append((answers, {key: count for key, count in added.items() if count}))
    laboratory.close()
    assert all(told[0])
    assert told[0] == told[1]


def test_of_many_requests_at_once_the_second_is_read_behind_what_others_sent_meanwhile(tmp_path):
    """Callbacks that are put off run before the loop reads: one that did so at once would be the first of the next turn."""
    laboratory = Laboratory(tmp_path)
    laboratory.surroundings.apply(wait=False, top="", rest="", routes=ROUTES)
    laboratory.fall_behind(deep=True)
    laboratory.allow_lines(0)
    asked = b"GET /keyed" + HOST + b"\r\n"
    assert laboratory.read_by_turn([3 * asked])[:5] == [1, 0, 1, 0, 1]
    assert laboratory.read_by_turn([3 * asked, asked])[:5] == [2, 0, 1, 0, 1], "however often it sends"
    laboratory.close()


def test_a_request_id_is_kept_if_a_trusted_peer_says_it(tmp_path):
    laboratory = Laboratory(tmp_path)
    laboratory.surroundings.apply(wait=False, top="", rest="", routes=ROUTES)
    laboratory.fall_behind(deep=True)
    laboratory.allow_lines(0)
    end = End()
    laboratory.play([b"GET /keyed" + HOST + b"X-Request-Id: good-one-1\r\n\r\n"], b"", end, peer="127.0.0.2")
    laboratory.close()
    assert b"x-request-id: good-one-1\r\n" in end.written


def test_heads_too_large_to_be_remembered_are_not_kept_by_their_refusal(tmp_path):
    laboratory = Laboratory(tmp_path)
    laboratory.surroundings.apply(wait=False, top="", rest="", routes=ROUTES)
    laboratory.fall_behind(deep=True)
    laboratory.allow_lines(0)
    for size, kept in ((10, 1), (2_000, 1), (20, 2)):
        head = b"GET /keyed" + HOST + b"X-Much: " + size * b"a" + b"\r\n\r\n"
        assert laboratory.play([head, head], b"")[0] == [b"503"] * 2
        assert laboratory.kinds_refused == kept
    laboratory.tick()
    assert laboratory.kinds_refused == 0
    laboratory.close()
