"""HTTP Basic on real sockets: what counts as a credential, what an unknown one costs, and who waits for whom."""

from base64 import b64encode

import pytest

from exporters.catalog.gateway import PASSWORD_HASHES, UPSTREAM_REQUESTS
from tests.proxy.credentials import CHEAP, SLOW, SLOWER, ask, basic, results
from tests.proxy.wire import OK
from tests.waiting import until

pytestmark = pytest.mark.proves("4.2 an unknown user costs what a known one does, and bad passwords delay nobody")

ANNA, COLONS, BYTES = b"anna", b"colons", "bärbel".encode()
PASSWORDS = {ANNA: b"correct horse", COLONS: b"a:b::c:", BYTES: "pässwörd ♠".encode()}
USERS = "".join(
    f"    - {{user: {user.decode()}, argon2: '{CHEAP.hash(password)}'}}\n" for user, password in PASSWORDS.items()
)
TOP = f"consumers:\n  shop:\n    passwords:\n{USERS}"
ROUTES = """
  guarded: {match: /guarded, to: game, identity: basic}
  either: {match: /either, to: game, identity: {by: [jwt, basic], optional: true}}
"""
LATE_ROUTE = "  late: {match: /late, to: game, identity: {by: basic, consumers: late}, body: 10MB}\n"
GENEROUS = "identity: {verifications: 100000}\nissuers: {x: {issuer: x, audiences: x, algorithms: RS256, file: x}}\n"
CHALLENGE = b'Basic realm="casino", charset="UTF-8"'
GUARDED, LATE = b"/guarded", b"/late"
SLOWLY = basic(b"slow", b"slowly")


@pytest.fixture
def client(configure, connect):
    configure(top=TOP + GENEROUS, routes=ROUTES)
    return connect()


@pytest.fixture
def late(configure, connect):
    """A client of a route whose user's password takes its time, and is not remembered: its hash is new."""
    return client_of(SLOW, configure, connect)


@pytest.fixture
def later(configure, connect):
    """One whose password takes so long that a slow test finds it under way, too."""
    return client_of(SLOWER, configure, connect)


def client_of(hasher, configure, connect):
    user = f"  late: {{passwords: {{user: slow, argon2: '{hasher.hash(b'slowly')}'}}}}\n"
    configure(top=TOP + user + GENEROUS, routes=ROUTES + LATE_ROUTE)
    return connect(source="127.0.0.7")  # hashes of earlier tests that are still under way count against their address


@pytest.mark.parametrize("user", list(PASSWORDS))
def test_a_good_password_is_let_in_and_its_user_told(user, client, upstream, gateway):
    client.send(ask(basic(user, PASSWORDS[user]), target=GUARDED))
    asked = upstream.answer()
    assert client.message().status == 200
    assert asked.one(b"x-consumer") == b"shop"
    assert asked.one(b"x-consumer-subject") == {BYTES: b"b%C3%A4rbel"}.get(user, user)
    assert asked.all(b"authorization") == []
    line = gateway.line()
    assert (line["user.name"], line["user.id"], line["casino.means"]) == ("shop", user.decode(), "basic")


GOOD = b64encode(b"anna:correct horse")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="nothing"),
        pytest.param([basic(ANNA, b"wrong")], id="a wrong password"),
        pytest.param([basic(b"nobody", b"correct horse")], id="an unknown user"),
        pytest.param([basic(ANNA, b"")], id="an empty password"),
        pytest.param([basic(b"", b"correct horse")], id="no user"),
        pytest.param([basic(b"ANNA", b"correct horse")], id="a user in capitals"),
        pytest.param([basic(ANNA, b"correct horse\0")], id="a password with a NUL behind it"),
        pytest.param([basic(COLONS, b"a")], id="a password cut at its colon"),
        pytest.param([basic("bärbel".encode("latin-1"), "pässwörd".encode("latin-1"))], id="no UTF-8"),
        pytest.param([basic(b"\xff\xfe", b"\x80")], id="bytes that are no text"),
        pytest.param([b"Authorization: Basic"], id="a scheme alone"),
        pytest.param([b"Authorization: Basic " + GOOD.rstrip(b"=")[:-1]], id="base64 cut short"),
        pytest.param([b"Authorization: Basic " + GOOD[:4] + b"=" + GOOD[4:]], id="base64 with padding in the middle"),
        pytest.param([b"Authorization: Basic !" + GOOD], id="something that is not base64"),
        pytest.param([b"Authorization: Basic " + GOOD + b" " + GOOD], id="two credentials in one header"),
        pytest.param([b"Authorization: Basic " + b64encode(b"anna")], id="no colon"),
        pytest.param([b"Authorization: Basic " + PASSWORDS[ANNA]], id="a bare password"),
        pytest.param([b"Authorization: Digest " + GOOD], id="another scheme"),
        pytest.param([b"Authorization: Basic\t" + GOOD], id="a tab behind the scheme"),
        pytest.param([basic(ANNA, PASSWORDS[ANNA])] * 2, id="the header twice"),
        pytest.param([b"Authorization: Bearer x", basic(ANNA, PASSWORDS[ANNA])], id="a token, then a password"),
        pytest.param([basic(ANNA, b"x" * 20_000)], id="a password of 20 kB"),
        pytest.param([b"Proxy-Authorization: Basic " + GOOD], id="for a proxy"),
    ],
)
def test_who_shows_no_good_password_is_refused_and_not_told_why(lines, client, untouched):
    refused = client.ask(ask(*lines, target=GUARDED))
    unknown = client.ask(ask(basic(b"nobody", b"x"), target=GUARDED))
    assert (refused.status, refused.failure, refused.one(b"www-authenticate")) == (401, "unauthenticated", CHALLENGE)
    assert [name for name, _ in refused.headers] == [name for name, _ in unknown.headers]
    assert refused.body.partition(b'"instance"')[0] == unknown.body.partition(b'"instance"')[0]


def test_a_credential_of_a_megabyte_is_a_head_too_large(client, untouched):
    client.send(b"GET /guarded HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ")
    client.send(b64encode(b"x" * 1_000_000) + b"\r\n\r\n")
    assert client.message().status == 431


def test_an_unknown_user_costs_a_hash_as_a_known_one_does(client, gateway, untouched):
    hashed = []
    for user in (ANNA, b"nobody", b"somebody"):
        before = gateway.total(PASSWORD_HASHES)
        assert client.ask(ask(basic(user, b"wrong"), target=GUARDED)).status == 401
        hashed.append(gateway.total(PASSWORD_HASHES) - before)
    assert hashed == [1, 1, 1]


def test_nobody_gets_in_with_the_password_of_another(client, untouched):
    for user in (b"nobody", ANNA, *map(str.encode, map(str, range(20)))):
        assert client.ask(ask(basic(user, PASSWORDS[COLONS]), target=GUARDED)).status == 401


def test_a_good_password_is_hashed_once_and_then_remembered(client, gateway, upstream):
    before = gateway.total(PASSWORD_HASHES)
    client.send(ask(basic(ANNA, PASSWORDS[ANNA]), target=GUARDED))
    call, _ = upstream.request()
    call.send(OK)
    assert client.message().status == 200
    for _ in range(3):
        client.send(ask(basic(ANNA, PASSWORDS[ANNA]), target=GUARDED))
        call.message()
        call.send(OK)
        assert client.message().status == 200
    assert gateway.total(PASSWORD_HASHES) - before <= 1


def test_each_request_of_a_connection_is_judged_for_itself(client, upstream):
    client.send(ask(basic(ANNA, PASSWORDS[ANNA]), target=GUARDED))
    call, _ = upstream.request()
    call.send(OK)
    assert client.message().status == 200
    assert client.ask(ask(basic(ANNA, b"wrong"), target=GUARDED)).status == 401
    assert client.ask(ask(target=GUARDED)).status == 401
    client.send(ask(basic(COLONS, PASSWORDS[COLONS]), target=GUARDED))
    assert call.message().one(b"x-consumer-subject") == COLONS
    call.send(OK)
    assert client.message().status == 200


def test_a_changed_password_holds_from_the_reload_on_though_the_old_one_was_remembered(client, configure, upstream):
    line = basic(ANNA, PASSWORDS[ANNA])
    client.send(ask(line, target=GUARDED))
    upstream.answer()
    assert client.message().status == 200
    old = USERS.splitlines()[0]
    fresh = f"    - {{user: anna, argon2: '{CHEAP.hash(b'new')}'}}"
    configure(top=TOP.replace(old, fresh) + GENEROUS, routes=ROUTES)
    assert client.ask(ask(line, target=GUARDED)).status == 401
    configure(top=TOP.replace(old + "\n", "") + GENEROUS, routes=ROUTES)
    assert client.ask(ask(line, target=GUARDED)).status == 401


def test_a_body_is_held_while_the_password_is_verified(late, upstream):
    body = bytes(range(256)) * 20_000
    late.send(
        ask(SLOWLY, b"Content-Length: %d" % len(body), target=LATE, method=b"POST")[:-2] + b"\r\n" + body[:100_000]
    )
    late.send(body[100_000:])
    call = upstream.accept()
    assert call.message().body == body
    call.send(OK)
    assert late.message().status == 200


def test_chunks_are_held_while_the_password_is_verified(late, upstream):
    late.send(
        ask(SLOWLY, b"Transfer-Encoding: chunked", target=LATE, method=b"POST"),
        b"5\r\nhello\r\n",
        b"6\r\n world\r\n0\r\n\r\n",
    )
    call = upstream.accept()
    assert call.message().body == b"hello world"
    call.send(OK)
    assert late.message().status == 200


def test_a_body_is_asked_for_once_the_password_is_verified(late, upstream):
    late.send(ask(SLOWLY, b"Content-Length: 5", b"Expect: 100-continue", target=LATE, method=b"POST"))
    assert late.message().status == 100
    late.send(b"hello")
    call = upstream.accept()
    assert call.message().body == b"hello"
    call.send(OK)
    assert late.message().status == 200


def test_a_body_of_someone_unknown_reaches_nobody(late, untouched):
    late.send(ask(basic(b"slow", b"wrong"), b"Content-Length: 100000", target=LATE, method=b"POST"), b"x" * 100_000)
    assert late.message().status == 401


def test_a_client_that_leaves_meanwhile_is_forgotten(later, gateway):
    before, hashed = gateway.total(UPSTREAM_REQUESTS), gateway.total(PASSWORD_HASHES)
    later.send(ask(SLOWLY, target=LATE))
    until(lambda: gateway.total(PASSWORD_HASHES) > hashed)
    later.reset()
    assert gateway.line()["http.response.status_code"] == 499
    assert gateway.total(UPSTREAM_REQUESTS) == before


def test_a_reload_meanwhile_changes_nothing_for_who_waits(later, configure, gateway, upstream):
    hashed = gateway.total(PASSWORD_HASHES)
    later.send(ask(SLOWLY, target=LATE))
    until(lambda: gateway.total(PASSWORD_HASHES) > hashed)
    configure()
    assert upstream.answer().one(b"x-consumer") == b"late"
    assert later.message().status == 200


def test_one_credential_is_hashed_once_however_many_wait_for_it(late, connect, gateway, upstream):
    before = gateway.total(PASSWORD_HASHES)
    clients = [connect() for _ in range(12)]
    for each in clients:
        each.send(ask(SLOWLY, target=LATE))
    for _ in clients:
        upstream.answer()
    assert [each.message().status for each in clients] == [200] * 12
    assert gateway.total(PASSWORD_HASHES) - before == 1


@pytest.mark.usefixtures("later")
def test_an_address_may_not_keep_the_hashing_thread_busy_alone(connect, gateway, upstream):
    clients = [connect() for _ in range(12)]
    for number, each in enumerate(clients):
        each.send(ask(basic(b"slow", b"%d" % number), target=LATE))
    other = connect(source="127.0.0.9")
    other.send(ask(basic(ANNA, PASSWORDS[ANNA]), target=GUARDED))
    answers = [each.message() for each in clients]
    assert sorted(answer.status for answer in answers) == [401] * 4 + [429] * 8
    assert {answer.failure for answer in answers} == {"unauthenticated", "too_many_tokens"}
    assert {answer.one(b"retry-after") for answer in answers if answer.status == 429} == {b"1"}
    upstream.answer()
    assert other.message().status == 200
    assert results(gateway, route="late", means="basic")["throttled"] >= 8


def test_verifications_a_second_of_one_address_are_bounded(configure, connect):
    configure(top=TOP + GENEROUS.replace("100000", "3"), routes=ROUTES)
    client = connect(source="127.0.0.8")
    statuses = [client.ask(ask(basic(ANNA, b"%d" % number), target=GUARDED)).status for number in range(30)]
    assert statuses.count(401) >= 3
    assert statuses.count(429) >= 10
    assert connect(source="127.0.0.9").ask(ask(basic(ANNA, b"x"), target=GUARDED)).status == 401


def test_a_flood_of_bad_passwords_delays_nobody_who_is_remembered(late, connect, gateway, upstream):
    late.send(ask(basic(ANNA, PASSWORDS[ANNA]), target=GUARDED))
    call, _ = upstream.request()
    call.send(OK)
    assert late.message().status == 200
    flood = [connect(source=f"127.0.1.{number}") for number in range(1, 13)]
    for number, each in enumerate(flood):
        each.send(ask(basic(b"slow", b"%d" % number), target=LATE))
    for _ in range(20):
        late.send(ask(basic(ANNA, PASSWORDS[ANNA]), target=GUARDED))
        call.message()
        call.send(OK)
        assert late.message().status == 200
    assert sum(bool(each.so_far()) for each in flood) < 12
    assert {each.message().status for each in flood} == {401}


def test_a_token_is_not_a_password_and_what_is_not_asked_for_passes(client, upstream):
    client.send(ask(b"Authorization: Digest x", target=b"/either"))
    assert upstream.answer().one(b"authorization") == b"Digest x"
    assert client.message().status == 200
    assert client.ask(ask(basic(ANNA, b"wrong"), target=b"/either")).status == 401
