"""Unknown tokens that come together are verified one by one, in turns of the loop between which all others are served."""

import time

import pytest

from tests.proxy.credentials import ask
from tests.proxy.signing import AUDIENCE, ISSUER, SOURCE, Key, Publisher, bearer, verdicts
from tests.waiting import until

MANY = 40
AT_ONCE = 256
"""Those that may wait for their turn."""
KEY, STRANGER = Key("ES256", "one"), Key("ES256", "one")
ROUTES = """
  guarded: {match: /guarded, answer: {status: 200, body: inside}, identity: jwt}
  told: {match: /told, to: game, body: 1MB, identity: jwt}
"""


@pytest.fixture
def give(configure, gateway):
    """Give unknown tokens this share of the worker's time."""

    def configured(verify: str = "100%") -> None:
        issuer = f'site: {{issuer: "{ISSUER}", audiences: [{AUDIENCE}], algorithms: [ES256], file: {SOURCE}}}'
        identity = f"identity: {{verifications: 1000000, verify: {verify}}}\n"
        configure(top=f"{identity}issuers:\n  {issuer}\n", routes=ROUTES)
        Publisher(gateway).publish(KEY)

    return configured


def shown(token: bytes) -> bytes:
    return ask(bearer(token), target=b"/guarded")


def bad(word: str, count: int = MANY) -> list[bytes]:
    return [shown(STRANGER.sign(jti=f"{word}-{number}")) for number in range(count)]


@pytest.fixture
def together(connect, gateway):
    """Ask all at once, each on a connection of its own; gives the connections."""

    def asked(requests: list[bytes]):
        clients = [connect() for _ in requests]
        until(lambda: gateway.connections >= len(clients))
        with gateway.still():
            for client, request in zip(clients, requests, strict=True):
                client.send(request)
        return clients

    return asked


def statuses(clients) -> list[int]:
    return [client.message().status for client in clients]


def gained(gateway, before: dict[str, int]) -> dict[str, int]:
    now = verdicts(gateway)
    return {result: now[result] - before.get(result, 0) for result in now if now[result] != before.get(result, 0)}


def test_who_is_known_overtakes_unknown_tokens_that_came_before(give, client, together, gateway):
    give()
    known = shown(KEY.sign())
    assert client.ask(known).status == 200
    gateway.lines()
    assert statuses(together([*bad("before"), known])) == [401] * MANY + [200]
    answered = [line["http.response.status_code"] for line in gateway.lines()]
    assert answered.index(200) <= 1, "nobody unknown is looked at before all that was read is answered"


def test_a_token_that_comes_many_times_at_once_is_verified_once(give, together, gateway):
    give()
    before = verdicts(gateway)
    requests = [*bad("takes the turn", 1), *[shown(KEY.sign(jti="at once"))] * MANY]
    assert statuses(together(requests)) == [401] + [200] * MANY
    assert gained(gateway, before) == {"bad_signature": 1, "good": 1, "cached": MANY - 1}


def test_tokens_whose_turn_comes_when_the_share_is_used_up_are_refused_unread(give, client, together, gateway):
    give()
    assert client.ask(*bad("makes the key ready, which takes long", 1)).status == 401
    give(verify="1%")
    before = verdicts(gateway)
    seen = statuses(together(bad("unpaid")))
    assert set(seen) == {401, 429}
    assert seen.count(401) < MANY / 2, "each costs four hundred times its time, and a tenth of a second may be owed"
    assert gained(gateway, before) == {"bad_signature": seen.count(401), "throttled_time": seen.count(429)}


def test_no_more_tokens_wait_for_their_turn_than_a_bound(give, together):
    give()
    seen = statuses(together([shown(KEY.sign(jti=f"too many {number}")) for number in range(AT_ONCE + 20)]))
    assert set(seen) == {200, 429}
    assert seen.count(200) >= AT_ONCE


def test_a_client_that_leaves_before_its_turn_costs_no_verification(give, connect, gateway):
    give()
    gateway.lines()
    before, clients = verdicts(gateway), [connect() for _ in range(MANY)]
    until(lambda: gateway.connections >= MANY)
    with gateway.still():
        for client, request in zip(clients, bad("left"), strict=True):
            client.send(request)
            client.close()
    until(lambda: not gateway.connections)
    ended = [line["http.response.status_code"] for line in gateway.lines()]
    assert len(ended) == MANY
    assert ended.count(499) > MANY / 2
    assert gained(gateway, before).get("bad_signature", 0) <= ended.count(401) + 1, "one may leave while it is judged"


def test_a_body_that_comes_before_its_tokens_turn_is_not_lost(give, together, gateway, upstream):
    give()
    head = b"POST /told HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n" + bearer(KEY.sign(jti="body")) + b"\r\n\r\n"
    *others, client = together([*bad("body"), head + b"abcdef"])
    assert upstream.answer().body == b"abcdef"
    assert client.message().status == 200
    assert statuses(others) == [401] * MANY


def test_requests_on_one_connection_are_answered_in_order_whoever_overtakes(give, client, connect, gateway):
    give()
    known = shown(KEY.sign(jti="known"))
    assert client.ask(known).status == 200
    first = connect()
    until(lambda: gateway.connections >= 2)
    with gateway.still():
        first.send(*bad("ahead", 1))
        client.send(*bad("before", 1), known)
    assert statuses([client, client, first]) == [401, 200, 401]


def test_a_token_whose_turn_does_not_come_in_a_second_is_refused(give, together, gateway):
    give()
    clients = together(bad("waits", AT_ONCE))
    first = clients[0].message().status
    with gateway.still():
        since = time.monotonic()
        until(lambda: time.monotonic() - since > 1.1)
    assert first == 401
    assert statuses(clients[-20:]) == [429] * 20
