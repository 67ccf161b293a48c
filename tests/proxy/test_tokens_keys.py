"""Keys come and go: tokens are believed as long as their key is, and wait a moment for one that is just being fetched."""

import time

import pytest

from exporters.catalog.gateway import KEY_MISSES
from tests.proxy.credentials import ask
from tests.proxy.signing import AUDIENCE, ISSUER, Key, Publisher, bearer, good_claims, shared, verdicts
from tests.waiting import until

URL = "http://127.0.0.1:1/keys"
"""Nobody asks there: tests play control."""
ROUTES = "  guarded: {match: /guarded/**, answer: {status: 200, body: inside}, identity: jwt}\n"
FIRST, SECOND, THIRD = Key("ES256", "first"), Key("ES256", "second"), Key("ES256", "third")


def site(extra: str = "") -> str:
    return f'site: {{issuer: "{ISSUER}", audiences: [{AUDIENCE}], algorithms: [ES256], url: "{URL}"{extra}}}'


def spec(*issuers: str, verify: str = "100%") -> str:
    lines = "".join(f"  {issuer}\n" for issuer in issuers or [site()])
    return f"identity: {{verifications: 1000000, verify: {verify}}}\nissuers:\n{lines}"


@pytest.fixture
def publish(gateway):
    publisher = Publisher(gateway)
    return lambda *keys, **more: publisher.publish(*keys, source=URL, **more)


@pytest.fixture
def fresh(configure, connect, publish):
    """A client of a gateway that was told of the first key, and whose worker has asked for no other one yet."""
    configure(top="", routes=ROUTES.replace(", identity: jwt", ""))  # the worker forgets the issuer
    configure(top=spec(), routes=ROUTES)
    publish(FIRST)
    return connect()


def status(client, token: bytes) -> int:
    return client.ask(ask(bearer(token), target=b"/guarded")).status


def test_a_token_whose_key_is_taken_back_is_refused_though_it_was_remembered(fresh, publish):
    old, new = FIRST.sign(), SECOND.sign()
    assert status(fresh, old) == 200
    publish(FIRST, SECOND)
    assert [status(fresh, old), status(fresh, new)] == [200, 200]
    publish(SECOND)
    assert [status(fresh, old), status(fresh, new)] == [401, 200]


def test_a_key_that_stays_keeps_its_tokens_remembered(fresh, publish, gateway):
    token = FIRST.sign()
    assert status(fresh, token) == 200
    before = verdicts(gateway)
    publish(SECOND, FIRST)
    assert status(fresh, token) == 200
    assert verdicts(gateway)["good"] == before["good"]


def test_another_key_of_the_same_id_takes_its_place(fresh, publish):
    other = Key("ES256", "first")
    assert [status(fresh, FIRST.sign()), status(fresh, other.sign())] == [200, 401]
    publish(other)
    assert [status(fresh, FIRST.sign()), status(fresh, other.sign())] == [401, 200]


def test_a_token_waits_for_its_key_and_is_believed_on_its_first_request(fresh, publish, gateway):
    missed = gateway.total(KEY_MISSES)
    fresh.send(ask(bearer(SECOND.sign()), target=b"/guarded"))
    until(lambda: gateway.total(KEY_MISSES) == missed + 1)
    assert fresh.so_far() == b""
    publish(FIRST, SECOND)
    assert fresh.message().status == 200


def test_a_body_that_comes_while_a_token_waits_is_not_lost(fresh, publish, gateway, configure, upstream):
    configure(top=spec(), routes="  guarded: {match: /guarded/**, to: game, body: 1MB, identity: jwt}\n")
    missed = gateway.total(KEY_MISSES)
    token = SECOND.sign()
    head = b"POST /guarded HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n" + bearer(token) + b"\r\n\r\n"
    fresh.send(head, b"abc")
    until(lambda: gateway.total(KEY_MISSES) == missed + 1)
    fresh.send(b"def")
    publish(FIRST, SECOND)
    assert upstream.answer().body == b"abcdef"
    assert fresh.message().status == 200


def test_many_tokens_wait_together_and_cause_one_question(fresh, publish, gateway, connect):
    missed, clients = gateway.total(KEY_MISSES), [connect() for _ in range(20)]
    for number, client in enumerate(clients):
        client.send(ask(bearer(SECOND.sign(jti=str(number))), target=b"/guarded"))
    until(lambda: gateway.total(KEY_MISSES) == missed + 1)
    publish(FIRST, SECOND)
    assert [client.message().status for client in clients] == [200] * 20
    assert gateway.total(KEY_MISSES) == missed + 1


def test_tokens_that_waited_for_their_key_leave_no_great_debt(fresh, publish, gateway, connect, configure):
    missed, clients = gateway.total(KEY_MISSES), [connect() for _ in range(20)]
    for number, client in enumerate(clients):
        client.send(ask(bearer(SECOND.sign(jti=f"owed {number}")), target=b"/guarded"))
    until(lambda: gateway.total(KEY_MISSES) == missed + 1)
    configure(top=spec(verify="0%"), routes=ROUTES)  # the first of them owes minutes
    publish(FIRST, SECOND)
    seen = [client.message().status for client in clients]
    assert set(seen) <= {200, 429}
    assert seen.count(200) <= 1


def test_a_token_is_refused_as_soon_as_the_issuer_was_asked_and_has_no_such_key(fresh, publish, gateway):
    missed = gateway.total(KEY_MISSES)
    begun = time.monotonic()
    fresh.send(ask(bearer(THIRD.sign()), target=b"/guarded"))
    until(lambda: gateway.total(KEY_MISSES) == missed + 1)
    publish(FIRST)
    assert fresh.message().status == 401
    assert time.monotonic() - begun < 0.9


def test_a_token_waits_no_longer_than_a_second_and_others_not_at_all(fresh, gateway):
    missed, begun = gateway.total(KEY_MISSES), time.monotonic()
    assert status(fresh, THIRD.sign()) == 401
    assert 0.9 < time.monotonic() - begun < 2.5
    begun = time.monotonic()
    for number in range(50):
        assert status(fresh, Key("ES256", f"made-up-{number}").sign()) == 401
    assert time.monotonic() - begun < 20, "fifty tokens that wait would take a minute"
    assert gateway.total(KEY_MISSES) == missed + 1
    assert status(fresh, FIRST.sign()) == 200


def test_a_client_that_leaves_while_its_token_waits_is_forgotten(fresh, publish, gateway):
    missed = gateway.total(KEY_MISSES)
    fresh.send(ask(bearer(SECOND.sign()), target=b"/guarded"))
    until(lambda: gateway.total(KEY_MISSES) == missed + 1)
    fresh.close()
    until(lambda: not gateway.connections)
    publish(FIRST, SECOND)
    [line] = until(gateway.lines)
    assert line["http.response.status_code"] == 499


def test_a_reload_forgets_no_token_whose_issuer_stays_as_it_was(fresh, configure, gateway):
    token = FIRST.sign()
    assert status(fresh, token) == 200
    before = verdicts(gateway)["good"]
    configure(top=spec(), routes=ROUTES + "  more: {match: /more, answer: {status: 204}}\n")
    assert status(fresh, token) == 200
    assert verdicts(gateway)["good"] == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(site().replace(f"[{AUDIENCE}]", "[other]"), id="another audience"),
        pytest.param(site().replace(ISSUER, "https://other.example"), id="another issuer"),
        pytest.param(site().replace("[ES256]", "[ES384]"), id="another algorithm"),
        pytest.param(site().replace(URL, URL + "/other"), id="keys from elsewhere"),
    ],
)
def test_a_reload_that_changes_an_issuer_forgets_its_tokens(change, fresh, configure):
    token = FIRST.sign()
    assert status(fresh, token) == 200
    configure(top=spec(change), routes=ROUTES)
    assert status(fresh, token) == 401
    configure(top=spec(), routes=ROUTES)
    assert status(fresh, token) == 200


def test_a_token_is_remembered_no_longer_than_it_is_valid(configure, connect, publish):
    configure(top=spec(site(", leeway: 0s")), routes=ROUTES)
    publish(FIRST)
    client, token = connect(), FIRST.sign(exp=time.time() + 1.5)
    assert status(client, token) == 200
    until(lambda: status(client, token) == 401)
    assert time.time() >= good_claims()["iat"]


def partner(path) -> str:
    return (
        f'partner: {{issuer: "https://partner.example", audiences: [{AUDIENCE}], algorithms: [HS256], '
        f"secret: {{file: {path}}}}}"
    )


def test_a_shared_secret_is_read_again_when_its_file_changes(configure, connect, tmp_path):
    path = tmp_path / "secret"
    path.write_text("1" * 40)
    configure(top=spec(partner(path)), routes=ROUTES)
    client = connect()
    tokens = [shared(letter * 40, iss="https://partner.example") for letter in "12"]
    assert [status(client, token) for token in tokens] == [200, 401]
    new = tmp_path / "secret.new"
    new.write_text("2" * 40)
    new.replace(path)
    until(lambda: [status(client, token) for token in tokens] == [401, 200])
