"""What a limit is called, whom it counts for, and what it tells, without any table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.caller import Caller
from gateway.core.limit import LONGEST_KEY, Rule, all_rules, room, rules, whole_seconds
from gateway.spec.limit import Limit, Store
from gateway.spec.model import Spec
from gateway.spec.route import Answer, Match, Route

HOUR = 3600 * 10**9


def rule(limit, *, place="limits", is_fleet=False):
    return Rule(place, "fair", limit, is_fleet=is_fleet)


POLICIES = {
    "a second's burst": (Limit(rate_per_second=100.0), '"fair";q=100;w=1'),
    "a burst of two seconds": (Limit(rate_per_second=100.0, burst=200), '"fair";q=200;w=2'),
    "a small burst says the rate": (Limit(rate_per_second=100.0, burst=10), '"fair";q=100;w=1'),
    "a burst between seconds": (Limit(rate_per_second=100.0, burst=150), '"fair";q=200;w=2'),
    "less than one in a second": (Limit(rate_per_second=1 / 60), '"fair";q=1;w=60'),
    "an odd rate": (Limit(rate_per_second=0.3, burst=1), '"fair";q=1;w=4'),
    "requests at once": (Limit(concurrent=5), '"fair";q=5;qu="concurrent-requests"'),
    "a day": (Limit(quota=1000), '"fair";q=1000;w=86400'),
    "a month": (Limit(quota=1000, period="month"), '"fair";q=1000;w=2592000'),
}


@pytest.mark.parametrize(("limit", "policy"), POLICIES.values(), ids=POLICIES)
def test_a_policy_says_how_many_in_how_many_seconds(limit, policy):
    assert rule(limit).policy == policy.encode()


ALICE = Caller(consumer="alice", subject="a-1", means="key")
SOMEBODY = Caller(consumer="", subject="s-1", means="jwt")
KEYS = {
    "all": ("all", ALICE, "192.0.2.1", ""),
    "an address": ("address", ALICE, "192.0.2.1", "@192.0.2.1"),
    "a /64": ("address", None, "2001:db8:1:2:3::4", "@2001:db8:1:2::/64"),
    "a mapped address": ("address", None, "::ffff:192.0.2.1", "@192.0.2.1"),
    "no address": ("address", None, "", "@"),
    "a consumer": ("consumer", ALICE, "192.0.2.1", "alice"),
    "a subject that is no consumer": ("consumer", SOMEBODY, "192.0.2.1", "jwt:s-1"),
    "nobody known": ("consumer", None, "2001:db8::1", "@2001:db8::/64"),
}


@pytest.mark.parametrize(("by", "caller", "client", "key"), KEYS.values(), ids=KEYS)
def test_a_request_is_counted_for(by, caller, client, key):
    assert rule(Limit(rate_per_second=1.0, by=by)).key(caller, client) == key


def test_a_name_of_any_length_is_kept_short_and_is_nobody_else_s():
    names = [f"{'x' * 199}", f"{'x' * 500}a", f"{'x' * 500}b", "x" * 8000]
    callers = [Caller(consumer="", subject=name, means="jwt") for name in names]
    keys = {rule(Limit(rate_per_second=1.0, by="consumer")).key(caller, "") for caller in callers}
    assert len(keys) == len(names)
    assert max(map(len, keys)) == LONGEST_KEY


def test_a_limit_with_other_numbers_is_another_but_more_places_and_a_larger_quota_are_not():
    def identity(**limit):
        return rule(Limit(**limit)).identity

    assert identity(rate_per_second=1.0) == identity(rate_per_second=1.0, burst=1)
    assert identity(rate_per_second=1.0) != identity(rate_per_second=2.0, burst=1)
    assert identity(rate_per_second=1.0) != identity(rate_per_second=1.0, burst=2)
    assert identity(rate_per_second=1.0) != identity(rate_per_second=1.0, by="address")
    assert identity(concurrent=1) == identity(concurrent=2)
    assert identity(quota=1) == identity(quota=2)
    assert identity(quota=1) != identity(quota=1, period="month")


def spec(**more):
    limits = {"own": Limit(rate_per_second=1.0), "few": Limit(concurrent=3), "daily": Limit(quota=9)}
    route = Route(match=(Match(path="/a"),), answer=Answer(status=204), limits=limits)
    plain = Route(match=(Match(path="/b"),), answer=Answer(status=204))
    limits = {"fair": Limit(rate_per_second=5.0)}
    return Spec(casino=1, limits=limits, routes={"a": route, "b": plain}, **more)


def test_limits_of_all_routes_come_before_a_route_s_own():
    assert [rule.name for rule in rules(spec(), "a")] == ["fair", "own", "few", "daily"]
    assert [rule.identity for rule in rules(spec(), "b")] == ["limits/fair:rate:200000000:5:all"]
    assert set(all_rules(spec())) == {each.identity for each in rules(spec(), "a")}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:/tmp/x", {"daily"}),
        ("redis://h:1/0", {"fair", "own", "daily"}),
        ("rediss://h", {"fair", "own", "daily"}),
    ],
)
def test_what_is_counted_beyond_the_gateway_is_told(url, told):
    assert {rule.name for rule in rules(spec(store=Store(url=url)), "a") if rule.is_told} == told


def test_room_is_what_the_burst_leaves():
    assert [room(level, 4000, 1000) for level in (-5, 0, 1, 999, 1000, 3999, 4000, 4001, 9000)] == [
        5, 5, 4, 4, 4, 1, 1, 0, 0,
    ]  # fmt: skip


@given(st.integers(-(10**9), 10**9), st.integers(1, 50), st.integers(1, 10**6))
def test_as_many_are_admitted_as_there_is_said_to_be_room_for(level, burst, period):
    found, burst_ns = room(level, (burst - 1) * period, period), (burst - 1) * period
    assert found <= burst
    for _ in range(found):
        assert room(level, burst_ns, period) > 0
        level = max(level, 0) + period
    assert room(level, burst_ns, period) == 0


@pytest.mark.parametrize(("nanoseconds", "seconds"), [(0, 0), (1, 1), (10**9, 1), (10**9 + 1, 2), (HOUR, 3600)])
def test_waits_are_rounded_up_to_whole_seconds(nanoseconds, seconds):
    assert whole_seconds(nanoseconds) == seconds
