"""API keys on real sockets: who is let in, who is not, and that no spelling of anything gets round it."""

import pytest

from tests.proxy.credentials import KEY, OLD_KEY, OTHER_KEY, STRANGER_KEY, ask, hash_of, key, results
from tests.proxy.wire import OK

pytestmark = pytest.mark.proves("4.2 no spelling of path, method, header or target gets round a demand for a key")

TOP = f"""
consumers:
  shop:
    keys: [{{sha256: {hash_of(KEY)}}}, {{sha256: {hash_of(OLD_KEY)}, expires: 2020-01-31}}]
    groups: [partners]
  other: {{keys: {{sha256: {hash_of(OTHER_KEY)}}}}}
"""
ROUTES = """
  keyed: {match: /keyed/**, to: game, identity: key}
  partners: {match: /partners, to: game, identity: {by: key, groups: partners}}
  others: {match: /others, to: game, identity: {by: key, consumers: other}}
  either: {match: /either, to: game, identity: {by: key, optional: true}}
  fixed: {match: /fixed, answer: {status: 200, body: inside}, identity: key}
"""
CHALLENGE = b'ApiKey realm="casino", header="X-API-Key"'


@pytest.fixture
def keyed(configure, connect):
    configure(top=TOP, routes=ROUTES)
    return connect()


@pytest.mark.parametrize("target", [b"/keyed", b"/keyed/deep", b"/partners", b"/either"])
def test_a_good_key_is_let_in_and_its_consumer_told(target, keyed, upstream, gateway):
    keyed.send(ask(key(), target=target))
    asked = upstream.answer()
    assert keyed.message().status == 200
    assert asked.one(b"x-consumer") == b"shop"
    assert asked.all(b"x-consumer-subject") == []
    assert asked.all(b"x-api-key") == []
    line = gateway.line()
    assert (line["user.name"], line["casino.means"]) == ("shop", "key")
    assert "user.id" not in line


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="no key"),
        pytest.param([key(STRANGER_KEY)], id="an unknown key"),
        pytest.param([key(KEY[:-1])], id="a part of a key"),
        pytest.param([key(KEY + "x")], id="more than a key"),
        pytest.param([key(KEY.upper())], id="a key in capitals"),
        pytest.param([key(hash_of(KEY))], id="its hash"),
        pytest.param([key(OLD_KEY)], id="an expired key"),
        pytest.param([key("")], id="an empty key"),
        pytest.param([key(), key()], id="the key twice"),
        pytest.param([key(STRANGER_KEY), key()], id="a bad key, then a good one"),
        pytest.param([key(), key(STRANGER_KEY)], id="a good key, then a bad one"),
        pytest.param([key(""), key()], id="an empty key, then a good one"),
        pytest.param([key(f"{KEY}, {KEY}")], id="a list of keys"),
        pytest.param([key(name=b"X_API_Key")], id="under another name"),
        pytest.param([b"Authorization: Bearer " + KEY.encode()], id="as a token"),
        pytest.param([b"Authorization: ApiKey " + KEY.encode()], id="in Authorization"),
        pytest.param([b"Cookie: X-API-Key=" + KEY.encode()], id="in a cookie"),
        pytest.param([key(), b"Connection: x-api-key"], id="named by Connection"),
        pytest.param([key("\xff" * 10)], id="bytes beyond ASCII"),
    ],
)
@pytest.mark.parametrize("target", [b"/keyed", b"/fixed"])
def test_who_shows_no_good_key_is_refused_and_not_told_why(lines, target, keyed, untouched, gateway):
    refused = keyed.ask(ask(*lines, target=target))
    unknown = keyed.ask(ask(key(STRANGER_KEY), target=target))
    assert (refused.status, refused.failure, refused.one(b"www-authenticate")) == (401, "unauthenticated", CHALLENGE)
    assert [name for name, _ in refused.headers] == [name for name, _ in unknown.headers]
    assert refused.body.partition(b'"instance"')[0] == unknown.body.partition(b'"instance"')[0]
    for line in gateway.lines():
        assert not {"user.name", "user.id", "casino.means"} & line.keys()


def test_a_key_in_the_query_is_none(keyed, untouched):
    assert keyed.ask(ask(target=b"/keyed?X-API-Key=" + KEY.encode())).status == 401


@pytest.mark.parametrize("name", [b"X-API-Key", b"x-api-key", b"X-Api-KEY"])
def test_the_name_of_the_header_has_no_case(name, keyed, upstream):
    keyed.send(ask(key(name=name)))
    assert upstream.answer().one(b"x-consumer") == b"shop"
    assert keyed.message().status == 200


def test_spaces_around_a_key_are_no_part_of_it(keyed, upstream):
    keyed.send(ask(b"X-API-Key: \t " + KEY.encode() + b" \t"))
    upstream.answer()
    assert keyed.message().status == 200


@pytest.mark.parametrize(("target", "shown"), [(b"/others", KEY), (b"/partners", OTHER_KEY)])
def test_a_consumer_without_the_right_is_forbidden_and_logged(target, shown, keyed, untouched, gateway):
    refused = keyed.ask(ask(key(shown), target=target))
    assert (refused.status, refused.failure) == (403, "forbidden")
    line = gateway.line()
    assert line["user.name"] == ("shop" if shown == KEY else "other")


def test_optional_lets_through_who_shows_nothing_and_nobody_with_a_bad_key(keyed, upstream):
    keyed.send(ask(b"X-Consumer: shop", target=b"/either"))
    assert upstream.answer().all(b"x-consumer") == []
    assert keyed.message().status == 200
    assert keyed.ask(ask(key(STRANGER_KEY), target=b"/either")).status == 401


def test_each_request_of_a_connection_is_judged_for_itself(keyed, upstream):
    asked = [KEY, STRANGER_KEY, OTHER_KEY, "", KEY]
    keyed.send(ask(key(KEY)))
    call, first = upstream.request()
    call.send(OK)
    seen = [first.one(b"x-consumer")]
    statuses = [keyed.message().status]
    for shown in asked[1:]:
        keyed.send(ask(*([key(shown)] if shown else [])))
        if shown in {KEY, OTHER_KEY}:
            seen.append(call.message().one(b"x-consumer"))
            call.send(OK)
        statuses.append(keyed.message().status)
    assert statuses == [200, 401, 200, 401, 200]
    assert seen == [b"shop", b"other", b"shop"]


def test_pipelined_requests_are_judged_each_by_its_own_key(keyed, upstream):
    keyed.send(ask(key()) + ask() + ask(key(STRANGER_KEY)))
    upstream.answer()
    assert [keyed.message().status for _ in range(3)] == [200, 401, 401]


def test_a_rotated_key_works_until_the_reload_and_the_new_one_from_then_on(keyed, configure, upstream):
    fresh = "casino_fresh"
    assert keyed.ask(ask(key(fresh))).status == 401
    configure(top=TOP.replace(hash_of(KEY), hash_of(fresh)), routes=ROUTES)
    assert keyed.ask(ask(key())).status == 401
    keyed.send(ask(key(fresh)))
    upstream.answer()
    assert keyed.message().status == 200


def test_a_key_may_be_replaced_without_a_moment_when_none_works(keyed, configure, upstream):
    both = TOP.replace(
        f"[{{sha256: {hash_of(KEY)}}}", f"[{{sha256: {hash_of('casino_fresh')}}}, {{sha256: {hash_of(KEY)}}}"
    )
    configure(top=both, routes=ROUTES)
    keyed.send(ask(key()))
    call, _ = upstream.request()
    call.send(OK)
    assert keyed.message().status == 200
    keyed.send(ask(key("casino_fresh")))
    assert call.message().one(b"x-consumer") == b"shop"
    call.send(OK)
    assert keyed.message().status == 200


def test_another_header_may_carry_the_key(configure, connect, upstream):
    configure(top=TOP + "identity: {key_header: Game-Key, consumer_header: Who}\n", routes=ROUTES)
    client = connect()
    refused = client.ask(ask(key()))
    assert (refused.status, refused.one(b"www-authenticate")) == (401, b'ApiKey realm="casino", header="Game-Key"')
    client.send(ask(key(name=b"Game-Key"), b"Game_Key: x", b"X-API-Key: of the service", b"Who: me"))
    asked = upstream.answer()
    assert (asked.one(b"who"), asked.one(b"x-api-key")) == (b"shop", b"of the service")
    assert b"game" not in b"".join(name for name, _ in asked.headers)
    assert client.message().status == 200


@pytest.mark.parametrize(
    "target",
    [
        b"//keyed", b"/./keyed", b"/x/../keyed", b"/x/%2e%2e/keyed", b"/%6beyed", b"/keyed/", b"/keyed//x", b"/keyed?x=/y",
        b"http://a/keyed", b"http://a//keyed", b"/keyed/%2e", b"/x/..//keyed", b"/keyed/./x/..",
    ],
)  # fmt: skip
def test_no_spelling_of_a_path_gets_round_the_demand(target, keyed, untouched):
    assert keyed.ask(ask(target=target)).status == 401


@pytest.mark.parametrize(
    "target", [b"/keyed%2f", b"/x/..%2fkeyed", b"/keyed;x", b"/%2e%2e/keyed", b"/keyed%00", b"/keyed%3f"]
)
def test_a_path_that_could_be_read_in_two_ways_reaches_no_route(target, keyed, untouched):
    assert keyed.ask(ask(target=target)).status == 400


def test_another_case_is_another_path_for_gateway_and_service_alike(keyed, upstream):
    keyed.send(ask(target=b"/Keyed"))
    assert upstream.answer().start == b"GET /Keyed HTTP/1.1"
    assert keyed.message().status == 200


@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS", b"POST", b"PUT", b"DELETE", b"PATCH"])
def test_no_method_gets_round_the_demand(method, keyed, untouched):
    length = [b"Content-Length: 0"] if method in {b"POST", b"PUT", b"PATCH"} else []
    keyed.send(ask(*length, method=method))
    assert keyed.message(bodiless=method == b"HEAD").status == 401


@pytest.mark.parametrize("host", [b"A", b"a.", b"a:80", b"b"])
def test_no_spelling_of_the_host_gets_round_the_demand(host, keyed, untouched):
    assert keyed.ask(b"GET /keyed HTTP/1.1\r\nHost: %b\r\n\r\n" % host).status == 401


def test_an_old_client_without_a_host_is_judged_too(keyed, untouched):
    assert keyed.ask(b"GET /keyed HTTP/1.0\r\n\r\n").status == 401


def test_a_body_is_not_asked_for_before_the_caller_is_known(keyed, untouched):
    refused = keyed.ask(ask(b"Content-Length: 5", b"Expect: 100-continue", method=b"POST"))
    assert refused.status == 401


def test_health_asks_for_no_key(keyed):
    assert keyed.ask(ask(target=b"/.casino/health")).status in {200, 503}


def test_results_are_counted(keyed, upstream, gateway):
    before = results(gateway, route="keyed")
    keyed.send(ask(key()))
    upstream.answer()
    assert keyed.message().status == 200
    for lines in ([], [key(STRANGER_KEY)], [key(OLD_KEY)]):
        assert keyed.ask(ask(*lines)).status == 401
    after = results(gateway, route="keyed")
    grown = {result: count - before.get(result, 0) for result, count in after.items()}
    assert grown == {"good": 1, "missing": 1, "bad": 1, "expired": 1}


def test_no_key_stands_in_log_answer_or_error(keyed, gateway, untouched):
    refused = keyed.ask(ask(key("casino_hunter2"), target=b"/keyed?api_key=casino_hunter2"))
    told = refused.body + b"".join(name + value for name, value in refused.headers)
    assert b"hunter2" not in told
    assert "hunter2" not in str(gateway.lines())
    assert "hunter2" not in gateway.complaints()
