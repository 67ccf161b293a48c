"""What services are told of a caller comes from the gateway alone: nothing a client sends can stand beside it, on no route."""

import pytest

from tests.proxy.credentials import KEY, ask, hash_of, key

pytestmark = pytest.mark.proves("4.2 no header of a client names a caller, in any spelling, on any route")

TOP = f"consumers: {{shop: {{keys: {{sha256: {hash_of(KEY)}}}}}}}\nissuers: {{local: {{issuer: x, audiences: x, algorithms: RS256, file: jwks.json}}}}"
ROUTES = """
  keyed: {match: /keyed, to: game, identity: key}
  either: {match: /either, to: game, identity: {by: key, optional: true}}
  token: {match: /token, to: game, identity: {by: jwt, headers: {X-User-Mail: email, X-Tenant-Id: tenant}}}
  ruled: {match: /ruled, to: game, identity: key, headers: {request: {set: {X-Ruled: "1"}, remove: [X-Gone]}}}
"""
TOLD = [b"x-consumer", b"x-consumer-subject", b"x-user-mail", b"x-tenant-id"]
WITHOUT_CALLER = [b"/any", b"/either"]
LAX = b"-_.~!#$%&'*+^`|"
"""What a token may hold beside letters and digits (RFC 9110 section 5.6.2): CGI variables write `_` for all of it."""


@pytest.fixture
def client(configure, connect):
    configure(top=TOP, routes=ROUTES)
    return connect()


@pytest.fixture
def seen(client, upstream):
    """What the service sees of a request that is let in, names in the laxest reading."""

    def send(raw: bytes) -> list[tuple[bytes, bytes]]:
        client.send(raw)
        found = upstream.answer()
        assert client.message().status == 200
        return [
            (bytes(c if chr(c).isalnum() else ord("-") for c in name.lower()), value) for name, value in found.headers
        ]

    return send


def spellings(name: bytes) -> list[bytes]:
    others = [name.replace(b"-", bytes([joint])) for joint in LAX]
    return [name, name.upper(), name.title(), *others, name.replace(b"-", b"_", 1), name.replace(b"-", b"_").title()]


@pytest.mark.parametrize("target", WITHOUT_CALLER)
@pytest.mark.parametrize("name", TOLD)
def test_a_client_cannot_name_itself_in_any_spelling_on_any_route(name, target, seen):
    found = seen(ask(*[each + b": admin" for each in spellings(name)], target=target))
    assert not [value for each, value in found if each == name]
    assert b"admin" not in [value for _, value in found]


@pytest.mark.parametrize("target", [b"/keyed", b"/either", b"/ruled"])
@pytest.mark.parametrize("name", TOLD)
def test_a_caller_is_named_by_the_gateway_alone(name, target, seen):
    found = seen(ask(key(), *[each + b": admin" for each in spellings(name)], target=target))
    assert b"admin" not in [value for _, value in found]
    assert [value for each, value in found if each == b"x-consumer"] == [b"shop"]


@pytest.mark.parametrize(
    "line", [b"X-Consumer : admin", b"X-Consumer\t: admin", b" X-Consumer: admin", b"X-Consu mer: admin"]
)
def test_a_name_with_a_blank_is_no_header_at_all(line, client, untouched):
    assert client.ask(ask(line, target=b"/any")).status == 400


@pytest.mark.parametrize("named", [b"X-Consumer", b"x-consumer, X-Consumer-Subject", b"close, X_Consumer"])
def test_connection_takes_away_no_word_of_the_gateway(named, seen):
    found = seen(ask(key(), b"Connection: " + named, b"X-Consumer: admin"))
    assert [value for each, value in found if each == b"x-consumer"] == [b"shop"]


@pytest.mark.parametrize("copies", [2, 50])
def test_copies_leave_nothing_behind(copies, seen):
    found = seen(ask(key(), *[b"X-Consumer: admin"] * copies))
    assert [value for each, value in found if each == b"x-consumer"] == [b"shop"]


def test_headers_that_are_dropped_count_towards_the_bound(client, untouched):
    assert client.ask(ask(*[b"X-Consumer: admin"] * 120, target=b"/any")).status == 431


@pytest.mark.parametrize("target", [b"/keyed", b"/either", b"/ruled"])
def test_a_key_goes_no_further_in_any_spelling(target, seen):
    found = seen(
        ask(
            key(),
            *[each + b": " + KEY.encode() for each in spellings(b"x-api-key") if each.lower() != b"x-api-key"],
            target=target,
        )
    )
    assert KEY.encode() not in [value for _, value in found]


def test_where_no_key_is_asked_for_the_header_is_the_services_own(seen):
    assert (b"x-api-key", KEY.encode()) in seen(ask(key(), target=b"/any"))


def test_what_a_key_does_not_need_passes_on(seen):
    found = seen(ask(key(), b"Authorization: Bearer of-the-service", b"Cookie: a=b", b"X-Other: 1"))
    assert {(b"authorization", b"Bearer of-the-service"), (b"cookie", b"a=b"), (b"x-other", b"1")} <= set(found)


def test_rules_hold_beside_the_callers_name(seen):
    found = seen(ask(key(), b"X-Gone: 1", b"X-Ruled: 2", target=b"/ruled"))
    assert [pair for pair in found if pair[0] in {b"x-gone", b"x-ruled", b"x-consumer"}] == [
        (b"x-ruled", b"1"), (b"x-consumer", b"shop"),
    ]  # fmt: skip


def test_names_follow_the_spec_when_it_is_reloaded(client, configure, upstream):
    configure(top=TOP + "\nidentity: {consumer_header: Who}", routes=ROUTES)
    client.send(ask(b"Who: me", b"X-Consumer: of the service", target=b"/any"))
    found = upstream.answer()
    assert (found.all(b"who"), found.all(b"x-consumer")) == ([], [b"of the service"])
    assert client.message().status == 200
