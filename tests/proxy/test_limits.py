"""Limits on real sockets: nobody gets more by spelling a request in another way, and what is held is given back."""

import itertools
import re
import time

import pytest

from exporters.catalog.gateway import DEBITS_DROPPED, LIMIT_EVICTIONS, LIMIT_KEYS, LIMITED
from gateway.core.limit import all_rules
from gateway.spec.load import load
from gateway.store.debits import read_debits
from gateway.store.limits import COUNT_SETS, RATE_SETS, WAYS, LimitTable
from gateway.store.slot import Slot
from tests.proxy.data_plane import TRUSTED
from tests.proxy.wire import GET, OK
from tests.waiting import until

SLOW = "rate: 1/m, burst: 3"
LAST = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
NUMBERS = itertools.count()


@pytest.fixture
def name():
    """A limit nobody has used yet."""
    return f"fair-{next(NUMBERS)}"


@pytest.fixture
def limited(configure, name):
    """Serve `/limited/**` here and all else upstream, both under one limit of the route or of all routes."""

    def apply(limit, *, everywhere=False, **more):
        limits = f"limits: {{{name}: {{{limit}}}}}"
        own = "" if everywhere else f", {limits}"
        configure(
            top=f"{limits if everywhere else ''}\n{more.pop('top', '')}",
            routes=f"  here: {{match: /limited/**, answer: {{status: 200, body: here}}{own}}}\n"
            f"  echo: {{match: /echo, to: game, upgrades: [echo]{own}}}\n"
            f"  free: {{match: /free, answer: {{status: 200, body: free}}}}",
            rest=f"  all: {{match: /**, to: game, body: 1kB{own}}}",
            **more,
        )

    return apply


def get(target=b"/limited/x", *lines, method=b"GET", host=b"a"):
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (
        method,
        target,
        host,
        b"".join(b"%b\r\n" % each for each in lines),
    )


def statuses(client, requests):
    return [client.ask(request).status for request in requests]


# ---- what callers are told


def test_a_burst_is_served_and_then_one_request_in_each_period(limited, client, name):
    limited(SLOW)
    assert statuses(client, [get()] * 5) == [200, 200, 200, 429, 429]
    refused = client.ask(get())
    assert refused.failure == "rate_limited"
    assert 55 <= int(refused.one(b"retry-after")) <= 60


def test_every_answer_says_what_the_limit_is_and_what_is_left(limited, client, name):
    limited(SLOW)
    answers = [client.ask(get()) for _ in range(4)]
    policy = f'"{name}";q=3;w=180'.encode()
    assert [answer.all(b"ratelimit-policy") for answer in answers] == [[policy]] * 4
    told = [re.fullmatch(rb'"([a-z0-9-]+)";r=(\d+);t=(\d+)', answer.one(b"ratelimit")).groups() for answer in answers]
    assert [(each.decode(), int(left)) for each, left, _ in told] == [(name, 2), (name, 1), (name, 0), (name, 0)]
    assert [round(int(seconds) / 60) for _, _, seconds in told] == [1, 2, 3, 3]


def test_answers_of_the_service_say_it_too(limited, client, upstream, name):
    limited(SLOW)
    client.send(get(b"/any"))
    upstream.answer(b'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nRateLimit: "theirs";r=9\r\n\r\nno')
    answer = client.message()
    assert answer.status == 404
    assert [b'"theirs";r=9', b'"%b";r=2;t=60' % name.encode()] == answer.all(b"ratelimit")


def test_an_upgrade_says_it_too(limited, client, upstream, name):
    limited(SLOW)
    client.send(get(b"/echo", b"Connection: upgrade", b"Upgrade: echo"))
    peer, _ = upstream.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    assert client.message(bodiless=True).one(b"ratelimit").startswith(f'"{name}";r=2'.encode())


def test_the_tightest_of_several_limits_is_told_and_all_are_named(limited, client, name):
    limited(f"{SLOW}}}, wide: {{rate: 100/s, burst: 200}}, few: {{concurrent: 7")
    answer = client.ask(get())
    policies = f'"{name}";q=3;w=180, "wide";q=200;w=2, "few";q=7;qu="concurrent-requests"'
    assert answer.one(b"ratelimit-policy") == policies.encode()
    assert answer.one(b"ratelimit").startswith(f'"{name}";r=2'.encode())


def test_a_route_without_limits_says_nothing_of_them(limited, client):
    limited(SLOW)
    answer = client.ask(get(b"/free"))
    assert answer.status == 200
    assert not [header for header, _ in answer.headers if header.lower().startswith(b"ratelimit")]


def test_metrics_and_log_name_the_limit_that_refused(limited, gateway, client, name):
    limited(SLOW)
    assert statuses(client, [get()] * 5) == [200, 200, 200, 429, 429]
    lines = gateway.lines()
    assert [line.get("casino.limit") for line in lines] == [None, None, None, name, name]
    assert [line.get("casino.failure") for line in lines][3:] == ["rate_limited", "rate_limited"]
    assert gateway.total(LIMITED, route="here", limit=name) == 2


# ---- getting round a limit


def exhaust(client, request=None, count=3):
    assert statuses(client, [request or get()] * count) == [200] * count


SPELLINGS = [
    b"/limited/x", b"/limited/y", b"/limited", b"/limited/", b"//limited/x", b"/./limited/x", b"/x/../limited/x",
    b"/x/%2e%2e/limited/x", b"/%6cimited/x", b"/%6C%69mited/x", b"/limited//x", b"/limited/x?y", b"/limited/x?",
    b"/limited/%7e", b"http://a/limited/x",
]  # fmt: skip


@pytest.mark.proves("4.2 no spelling of a path gets round a limit")
@pytest.mark.parametrize("target", SPELLINGS)
def test_no_spelling_of_a_path_gets_round_a_limit(target, limited, client):
    limited(SLOW)
    exhaust(client)
    assert client.ask(get(target)).status == 429


CLAIMS = [
    b"X-Forwarded-For: 192.0.2.7",
    b"x-forwarded-for: 192.0.2.7, 192.0.2.8",
    b"Forwarded: for=192.0.2.7",
    b"X-Real-IP: 192.0.2.7",
    b"True-Client-IP: 192.0.2.7",
    b"CF-Connecting-IP: 192.0.2.7",
    b"X_Forwarded_For: 192.0.2.7",
    b"X-Consumer: somebody",
    b"X-Cluster-Client-IP: 192.0.2.7",
]


@pytest.mark.proves("4.2 no forged X-Forwarded-For gets round a limit")
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.decode())
@pytest.mark.parametrize("by", ["address", "consumer"])
def test_no_forged_header_gets_round_a_limit(claim, by, limited, client):
    limited(f"{SLOW}, by: {by}")
    exhaust(client)
    answer = client.ask(get(b"/limited/x", claim))
    assert answer.status == 429, answer


def test_behind_a_trusted_proxy_a_forged_hop_further_away_does_not_count(limited, connect):
    limited(f"{SLOW}, by: address")
    proxy = connect(source=TRUSTED)
    exhaust(proxy, get(b"/limited/x", b"X-Forwarded-For: 192.0.2.66"))
    assert proxy.ask(get(b"/limited/x", b"X-Forwarded-For: 198.51.100.1, 192.0.2.66")).status == 429
    assert proxy.ask(get(b"/limited/x", b"X-Forwarded-For: 192.0.2.66, 198.51.100.1")).status == 200


ALIKE = {
    "another address of the /64": ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
    "the same address spelt out": ("2001:db8:1:3::1", "2001:0DB8:0001:0003:0000:0000:0000:0001", True),
    "with a port": ("2001:db8:1:4::1", "[2001:db8:1:4::1]:4711", True),
    "the next /64": ("2001:db8:1:5::1", "2001:db8:1:6::1", False),
    "IPv4 mapped into IPv6": ("192.0.2.11", "::ffff:192.0.2.11", True),
    "IPv4 mapped in hexadecimal": ("192.0.2.12", "::ffff:c000:20c", True),
    "IPv4 with a port": ("192.0.2.13", "192.0.2.13:4711", True),
    "the next IPv4 address": ("192.0.2.14", "192.0.2.15", False),
}


@pytest.mark.proves("4.2 IPv6 is limited by /64, and mapped IPv4 as IPv4")
@pytest.mark.parametrize(("first", "second", "same"), ALIKE.values(), ids=ALIKE)
def test_who_has_a_whole_network_counts_once(first, second, same, limited, connect):
    limited(f"{SLOW}, by: address")
    proxy = connect(source=TRUSTED)
    exhaust(proxy, get(b"/limited/x", f"X-Forwarded-For: {first}".encode()))
    answer = proxy.ask(get(b"/limited/x", f"X-Forwarded-For: {second}".encode()))
    assert answer.status == (429 if same else 200)


def test_a_mapped_peer_of_a_dual_stack_listener_is_its_ipv4_address(limited, connect):
    limited(f"{SLOW}, by: address")
    exhaust(connect())
    assert connect("dual").ask(get()).status == 429


@pytest.mark.parametrize("host", [b"A", b"a:80", b"a.", b"A.:8080", b"127.0.0.1", b"other.example", b"[::1]"])
def test_no_spelling_of_the_host_gets_round_a_limit(host, limited, client):
    limited(SLOW)
    exhaust(client)
    assert client.ask(get(host=host)).status == 429


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PURGE", b"get"])
@pytest.mark.parametrize("line", [b"X-HTTP-Method-Override: HEAD", b"X-Method-Override: GET", b"X-HTTP-Method: TRACE"])
def test_no_method_gets_round_a_limit(method, line, limited, client):
    limited(SLOW)
    exhaust(client)
    client.send(get(b"/limited/x", line, b"Content-Length: 0", method=method))
    assert client.message(bodiless=method == b"HEAD").status in {400, 429, 501}


def test_a_head_request_takes_as_much_as_a_get(limited, client):
    limited(SLOW)
    for _ in range(3):
        client.send(get(method=b"HEAD"))
        assert client.message(bodiless=True).status == 200
    assert client.ask(get()).status == 429


def test_neither_pipelining_nor_many_connections_get_round_a_limit(limited, connect):
    limited(SLOW)
    client = connect().send(get() * 5)
    assert [client.message().status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [connect().ask(get()).status for _ in range(3)] == [429] * 3


def test_a_request_that_is_refused_for_what_it_is_takes_nothing(limited, client):
    """Requests that never reach the limits, or match no route, are not counted."""
    limited(SLOW)
    for _ in range(5):
        assert client.ask(get(b"/limited/%2f")).status == 400
    exhaust(client)


def test_the_health_of_the_gateway_is_not_limited(limited, client):
    limited(SLOW, everywhere=True)
    assert statuses(client, [get(b"/.casino/health")] * 5) == [200] * 5


@pytest.mark.timeout(400)
@pytest.mark.proves("4.2 many addresses cannot fill more than the table, and what is forgotten is counted")
def test_many_addresses_take_bounded_memory(limited, connect, gateway, full, measured):
    """A thousand requests a second from as many networks: what a /32 of IPv6 gives an attacker."""
    limited("rate: 1/h, burst: 2, by: address")
    proxy, callers = connect(source=TRUSTED), 90_000 if full else 3_000
    before, memory_before = gateway.total(LIMIT_EVICTIONS), gateway.memory_bytes()
    busy = get(b"/limited/x", b"X-Forwarded-For: 192.0.2.99")
    assert statuses(proxy, [busy] * 3) == [200, 200, 429]
    for first in range(0, callers, 250):
        networks = (b"2001:db8:%x:%x::1" % divmod(number, 0x10000) for number in range(first, first + 250))
        proxy.send(b"".join(get(b"/limited/x", b"X-Forwarded-For: " + network) for network in networks))
        assert {proxy.message().status for _ in range(250)} == {200}
    until(lambda: gateway.total(LIMIT_KEYS) > min(callers, 60_000) * 0.95)
    keys, evicted = gateway.total(LIMIT_KEYS), gateway.total(LIMIT_EVICTIONS) - before
    grown_bytes = gateway.memory_bytes() - memory_before
    measured |= {"addresses": callers, "kept": keys, "forgotten": evicted, "memory": f"{grown_bytes / 1e6:.1f} MB more"}
    assert keys <= (RATE_SETS + COUNT_SETS) * WAYS
    assert evicted >= callers - RATE_SETS * WAYS
    assert grown_bytes < 40_000_000
    assert proxy.ask(busy).status == 429, "who used up the most is the last to be forgotten"


# ---- several limits


def test_a_limit_of_all_routes_is_one_for_all_of_them(limited, client):
    limited(SLOW, everywhere=True)
    assert statuses(client, [get(), get(b"/free"), get(b"/limited/z"), get(), get(b"/free")]) == [
        200,
        200,
        200,
        429,
        429,
    ]


def test_nothing_is_taken_from_one_limit_when_another_refuses(limited, connect):
    limited("rate: 1/m, burst: 1, by: address}, together: {rate: 1/m, burst: 2")
    first, second, third = (connect(source=f"127.0.0.{number}") for number in (11, 12, 13))
    assert statuses(first, [get()] * 5) == [200, 429, 429, 429, 429]
    assert second.ask(get()).status == 200
    refused = third.ask(get())
    assert (refused.status, refused.one(b"ratelimit")[:11]) == (429, b'"together";')


def test_who_is_refused_by_several_is_told_the_longest_wait(limited, client):
    limited("rate: 1/m, burst: 1}, slower: {rate: 10/h, burst: 1")
    assert client.ask(get()).status == 200
    assert int(client.ask(get()).one(b"retry-after")) == 360


# ---- requests under way


def hold(connect, upstream, count):
    """Have requests under way: (client, service's end) each."""
    held = []
    for _ in range(count):
        client = connect().send(GET)
        held.append((client, upstream.request()[0]))
    return held


def answered(client, peer):
    peer.send(OK)
    assert client.message().status == 200


def cut_off(client, peer):
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha")
    peer.close()
    assert client.rest()


ENDS = {
    "it is answered": lambda client, peer: (peer.send(LAST), client.message()),
    "the client leaves": lambda client, _: client.close(),
    "the client's connection is reset": lambda client, _: client.reset(),
    "the service leaves": lambda _, peer: peer.close(),
    "the service resets": lambda _, peer: peer.reset(),
    "the answer is cut off": cut_off,
    "the answer is none": lambda _, peer: peer.send(b"garbage\r\n\r\n"),
    "the client leaves in the middle of the answer": lambda client, peer: (
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha"), client.through(b"ha"), client.close(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_place_is_given_back_however_a_request_ends(end, limited, connect, upstream):
    limited("concurrent: 2", everywhere=True)
    held = hold(connect, upstream, 2)
    refused = connect().ask(GET)
    assert (refused.status, refused.failure, refused.one(b"retry-after")) == (429, "concurrency_limited", b"1")
    end(*held[0])
    until(lambda: connect().ask(get()).status == 200)
    client = connect().send(GET)
    upstream.request()
    assert connect().ask(GET).status == 429
    client.close()


def test_a_body_that_grows_too_large_gives_its_place_back_once(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    for _ in range(3):
        client = connect()
        client.send(get(b"/any", b"Transfer-Encoding: chunked", method=b"POST"), b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        upstream.accept()
        assert connect().ask(get()).status == 429
        client.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        assert client.message().status == 413
        assert connect().ask(get()).status == 200


def test_a_tunnel_holds_its_place_until_it_ends(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    client = connect().send(get(b"/echo", b"Connection: upgrade", b"Upgrade: echo"))
    peer, _ = upstream.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    client.message(bodiless=True)
    assert connect().ask(get()).status == 429
    client.close()
    until(lambda: connect().ask(get()).status == 200)


def test_a_pipelined_request_waits_for_its_turn_and_holds_no_place(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    client = connect().send(GET, GET)
    peer, _ = upstream.request()
    answered(client, peer)
    peer.message()
    answered(client, peer)


def test_a_place_taken_before_a_reload_is_given_back_after_it(limited, connect, upstream):
    limited("concurrent: 1", everywhere=True)
    [(client, peer)] = hold(connect, upstream, 1)
    limited("concurrent: 1", everywhere=True, timeouts="{total: 8s}")
    assert connect().ask(get()).status == 429
    answered(client, peer)
    until(lambda: connect().ask(get()).status == 200)
    assert [connect().ask(get()).status for _ in range(3)] == [200] * 3


# ---- reload


def test_a_reload_that_leaves_a_limit_alone_forgives_nothing(limited, client):
    limited(SLOW)
    exhaust(client)
    limited(SLOW, timeouts="{total: 8s}")
    assert client.ask(get()).status == 429


def test_a_reload_that_changes_a_limit_applies_it_to_the_next_request(limited, client):
    limited(SLOW)
    exhaust(client)
    limited("rate: 1/m, burst: 5")
    assert statuses(client, [get()] * 6) == [200] * 5 + [429]


def test_a_reload_that_drops_a_limit_lets_everything_through(limited, configure, client):
    limited(SLOW)
    exhaust(client)
    configure(routes="  here: {match: /limited/**, answer: {status: 200, body: here}}")
    answer = client.ask(get())
    assert (answer.status, answer.one(b"ratelimit")) == (200, None)


# ---- what control does: quotas, and what other gateways used

STORE = "store: {url: sqlite:/tmp/unused.db}"
FLEET = "store: {url: redis://127.0.0.1:1}"


@pytest.fixture
def control(gateway):
    return LimitTable.open(gateway.build.limits).rates(0)


@pytest.fixture
def debits(gateway):
    """Take what the worker tells control."""

    def take():
        ring = Slot.open(gateway.worker.path, writable=True).debits
        taken = ring.peek(1 << 16)
        ring.advance(len(taken))
        return read_debits(taken)

    take()
    return take


def told(debits, count):
    """Wait until so many requests have been told, and return each bucket once."""
    found = []
    until(lambda: found.extend(debits()) or sum(debit.count for debit in found) >= count)
    assert sum(debit.count for debit in found) == count
    return {(debit.limit, debit.key, debit.fingerprint) for debit in found}


def test_control_is_told_of_every_request_a_quota_counts(limited, connect, debits, gateway, name):
    limited("quota: 1000, by: address", top=STORE)
    clients = [connect(), connect(source="127.0.0.9")]
    for client in clients * 3:
        assert client.ask(get()).status == 200
    limit, key, _ = zip(*told(debits, 6), strict=True)
    assert set(limit) == {f"routes/here/limits/{name}:quota:day:address"}
    assert set(key) == {"@127.0.0.1", "@127.0.0.9"}
    assert set(limit) <= all_rules(load(gateway.spec_path).spec).keys()


def test_a_quota_that_is_used_up_refuses_until_the_period_ends(limited, client, control, debits, name):
    limited("quota: 1000", top=STORE)
    assert client.ask(get()).one(b"ratelimit") is None
    [(_, _, fingerprint)] = told(debits, 1)
    bucket = control.named(fingerprint, 0)
    control.block(bucket, time.monotonic_ns() + 5 * 10**9)
    refused = client.ask(get())
    assert (refused.status, refused.failure) == (429, "quota_exceeded")
    assert refused.one(b"retry-after") == b"5"
    assert refused.one(b"ratelimit") == f'"{name}";r=0;t=5'.encode()
    control.unblock(bucket)
    assert client.ask(get()).status == 200


@pytest.mark.parametrize(("store", "count"), [(STORE, 0), (FLEET, 3), ("", 0)], ids=["sqlite", "redis", "no store"])
def test_rates_are_told_only_where_a_fleet_shares_them(store, count, limited, client, debits):
    limited(f"{SLOW}}}, few: {{concurrent: 5", top=store)
    exhaust(client)
    assert client.ask(get()).status == 429
    assert {limit.split(":")[1] for limit, _, _ in told(debits, count)} <= {"rate"}


def test_what_other_gateways_used_is_not_there_any_more(limited, client, control, debits):
    limited(SLOW, top=FLEET)
    assert client.ask(get()).status == 200
    [(_, _, fingerprint)] = told(debits, 1)
    control.push(control.named(fingerprint, 60 * 10**9), time.monotonic_ns(), 1)
    assert statuses(client, [get()] * 2) == [200, 429]


def test_what_finds_no_room_on_its_way_to_control_waits(limited, connect, gateway, debits):
    """The ring holds a part of what so many callers make: all of it comes once there is room again."""
    limited("quota: 1000, by: address", top=STORE)
    proxy, callers = connect(source=TRUSTED), 1200
    for number in range(callers):
        asked = proxy.ask(get(b"/limited/x", b"X-Forwarded-For: 10.1.%d.%d" % divmod(number, 256)))
        assert asked.status == 200
    assert len(told(debits, callers)) == callers
    assert gateway.total(DEBITS_DROPPED) == 0
