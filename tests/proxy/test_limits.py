"""What callers are told of limits, how several go together, and what a reload does to them."""

import re

from exporters.catalog.gateway import LIMITED
from tests.proxy.limited import OTHER, SLOW, exhaust, get, statuses


def test_a_burst_is_served_and_then_one_request_in_each_period(limited, client, limit_name):
    limited(SLOW)
    assert statuses(client, [get()] * 5) == [200, 200, 200, 429, 429]
    refused = client.ask(get())
    assert refused.failure == "rate_limited"
    assert 55 <= int(refused.one(b"retry-after")) <= 60


def test_every_answer_says_what_the_limit_is_and_what_is_left(limited, client, limit_name):
    limited(SLOW)
    answers = [client.ask(get()) for _ in range(4)]
    policy = f'"{limit_name}";q=3;w=180'.encode()
    assert [answer.all(b"ratelimit-policy") for answer in answers] == [[policy]] * 4
    told = [re.fullmatch(rb'"([a-z0-9-]+)";r=(\d+);t=(\d+)', answer.one(b"ratelimit")).groups() for answer in answers]
    assert [(each.decode(), int(left)) for each, left, _ in told] == [
        (limit_name, 2),
        (limit_name, 1),
        (limit_name, 0),
        (limit_name, 0),
    ]
    assert [round(int(seconds) / 60) for _, _, seconds in told] == [1, 2, 3, 3]


def test_answers_of_the_service_say_it_too(limited, client, upstream, limit_name):
    limited(SLOW)
    client.send(get(b"/any"))
    upstream.answer(b'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nRateLimit: "theirs";r=9\r\n\r\nno')
    answer = client.message()
    assert answer.status == 404
    assert [b'"theirs";r=9', b'"%b";r=2;t=60' % limit_name.encode()] == answer.all(b"ratelimit")


def test_an_upgrade_says_it_too(limited, client, upstream, limit_name):
    limited(SLOW)
    client.send(get(b"/echo", b"Connection: upgrade", b"Upgrade: echo"))
    peer, _ = upstream.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    assert client.message(bodiless=True).one(b"ratelimit").startswith(f'"{limit_name}";r=2'.encode())


def test_the_tightest_of_several_limits_is_told_and_all_are_named(limited, client, limit_name):
    limited(f"{SLOW}}}, wide: {{rate: 100/s, burst: 200}}, few: {{concurrent: 7")
    answer = client.ask(get())
    policies = f'"{limit_name}";q=3;w=180, "wide";q=200;w=2, "few";q=7;qu="concurrent-requests"'
    assert answer.one(b"ratelimit-policy") == policies.encode()
    assert answer.one(b"ratelimit").startswith(f'"{limit_name}";r=2'.encode())


def test_a_route_without_limits_says_nothing_of_them(limited, client):
    limited(SLOW)
    answer = client.ask(get(b"/free"))
    assert answer.status == 200
    assert not [header for header, _ in answer.headers if header.lower().startswith(b"ratelimit")]


def test_metrics_and_log_name_the_limit_that_refused(limited, gateway, client, limit_name):
    limited(SLOW)
    assert statuses(client, [get()] * 5) == [200, 200, 200, 429, 429]
    lines = gateway.lines()
    told = [(line["http.response.status_code"], line.get("casino.failure"), line.get("casino.limit")) for line in lines]
    assert sorted(told, key=str) == [(200, None, None)] * 3 + [(429, "rate_limited", limit_name)] * 2
    assert gateway.total(LIMITED, route="here", limit=limit_name) == 2


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
    first, second = client.send(get(), get()).message(), client.message()
    assert (first.status, second.status) == (200, 429)
    assert 355 <= int(second.one(b"retry-after")) <= 360


# ---- reload


def test_a_reload_that_leaves_a_limit_alone_forgives_nothing(limited, client):
    limited(SLOW)
    exhaust(client)
    limited(SLOW, timeouts=OTHER)
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
