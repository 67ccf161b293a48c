import ipaddress
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.acl import AccessList, compile_list
from gateway.spec.edge import Addresses


def acl(allow: str = "", deny: str = "") -> AccessList:
    return AccessList(Addresses(allow=tuple(allow.split()), deny=tuple(deny.split())))


@pytest.mark.parametrize(
    ("allow", "deny", "client", "let_in"),
    [
        pytest.param("10.0.0.0/8", "", "10.1.2.3", True, id="in an allowed network"),
        pytest.param("10.0.0.0/8", "", "11.1.2.3", False, id="in none of the allowed"),
        pytest.param("", "10.0.0.0/8", "10.1.2.3", False, id="in a denied network"),
        pytest.param("", "10.0.0.0/8", "11.1.2.3", True, id="in none of the denied"),
        pytest.param("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", False, id="the denied part of an allowed network"),
        pytest.param("10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", True, id="beside the denied part"),
        pytest.param("10.1.2.3", "10.0.0.0/8", "10.1.2.3", True, id="one address of a denied network"),
        pytest.param("10.1.2.3", "10.0.0.0/8", "10.1.2.4", False, id="beside that address"),
        pytest.param("10.0.0.0/8", "10.0.0.0/8", "10.1.2.3", False, id="deny on a tie"),
        pytest.param("10.0.0.0/8", "", "2001:db8::1", False, id="IPv6 is in no IPv4 network"),
        pytest.param("::/0", "", "10.1.2.3", False, id="nor IPv4 in an IPv6 network, not even in all of it"),
        pytest.param("2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::1", False, id="IPv6, denied"),
        pytest.param(
            "2001:db8::/32", "2001:db8:1::/48", "2001:DB8:0002::1", True, id="IPv6, allowed, spelled otherwise"
        ),
        pytest.param("", "10.0.0.0/8", "::ffff:10.1.2.3", False, id="an IPv4 address mapped into IPv6"),
        pytest.param("", "10.0.0.0/8", "::ffff:0a01:0203", False, id="the same in hexadecimal"),
        pytest.param("", "::ffff:10.0.0.0/104", "10.1.2.3", False, id="a network mapped into IPv6"),
        pytest.param("::ffff:0:0/96", "", "10.1.2.3", True, id="all of IPv4, mapped"),
        pytest.param("0.0.0.0/0", "", "10.1.2.3", True, id="everybody"),
        pytest.param("", "0.0.0.0/0 ::/0", "2001:db8::1", False, id="nobody"),
        pytest.param("0.0.0.0/0 ::/0", "", "", False, id="who has no address is in no allowed network"),
        pytest.param("", "0.0.0.0/0 ::/0", "", True, id="and in no denied one"),
    ],
)
def test_the_most_specific_network_decides(allow: str, deny: str, client: str, let_in: bool) -> None:
    assert acl(allow, deny).allows(client) is let_in


def test_without_a_network_there_is_no_list() -> None:
    assert compile_list(Addresses()) is None
    assert compile_list(Addresses(deny=("10.0.0.0/8",))) is not None


networks = st.builds(
    lambda number, length: str(ipaddress.ip_network((number >> (32 - length) << (32 - length), length))),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)


@given(st.lists(networks, max_size=8), st.lists(networks, max_size=8), st.data())
def test_it_says_what_going_through_all_networks_would(allow: list[str], deny: list[str], data: st.DataObject) -> None:
    near = [int(ipaddress.ip_network(each).network_address) for each in (*allow, *deny)] or [0]
    client = ipaddress.IPv4Address((data.draw(st.sampled_from(near)) + data.draw(st.integers(-1, 300))) % 2**32)

    def longest(texts: list[str]) -> int:
        found = [ipaddress.ip_network(text) for text in texts]
        return max((network.prefixlen for network in found if client in network), default=-1)

    expected = longest(allow) > longest(deny) if longest(allow) >= 0 or longest(deny) >= 0 else not allow
    assert acl(" ".join(allow), " ".join(deny)).allows(str(client)) is expected


def test_ten_thousand_networks_cost_no_more_than_ten() -> None:
    def seconds(count: int) -> float:
        tested = acl(deny=" ".join(f"10.{index >> 8 & 255}.{index & 255}.0/24" for index in range(count)))
        begun = time.process_time()
        for _ in range(3000):
            tested.allows("192.0.2.1")
        return time.process_time() - begun

    assert min(seconds(10_000) for _ in range(3)) < 5 * min(seconds(10) for _ in range(3))
