"""Nobody gets more by spelling a request in another way, or by being many."""

import pytest

from exporters.catalog.gateway import LIMIT_EVICTIONS, LIMIT_KEYS
from gateway.store.limits import COUNT_SETS, RATE_SETS, WAYS
from tests.proxy.data_plane import TRUSTED
from tests.proxy.limited import SLOW, exhaust, get, statuses
from tests.waiting import until

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
