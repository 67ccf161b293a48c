import pytest

from gateway.core.address import UNKNOWN, Trust, address_key, read_address


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4"),
        pytest.param("2001:DB8:0::1", "2001:db8::1", id="IPv6"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4 mapped into IPv6"),
        pytest.param("::ffff:c000:201", "192.0.2.1", id="IPv4 mapped into IPv6, in hexadecimal"),
        pytest.param("fe80::1%eth0", "fe80::1", id="a zone"),
        pytest.param("192.0.2", None, id="too short"),
        pytest.param("192.0.2.01", None, id="a leading zero, which some read as octal"),
        pytest.param("unknown", None, id="a word"),
        pytest.param("", None, id="empty"),
        pytest.param(f"fe80::1%{'x' * 100}", None, id="too long"),
    ],
)
def test_an_address_has_one_spelling(text: str, spelling: str | None) -> None:
    address = read_address(text)

    assert (address.text if address else None) == spelling


@pytest.mark.parametrize(
    ("network", "address", "covered"),
    [
        pytest.param("10.0.0.0/8", "10.255.0.1", True, id="inside"),
        pytest.param("10.0.0.0/8", "11.0.0.1", False, id="outside"),
        pytest.param("10.0.0.0/8", "::ffff:10.0.0.1", True, id="a mapped address is its IPv4 address (GO-2024-2917)"),
        pytest.param("::ffff:10.0.0.0/104", "10.0.0.1", True, id="a mapped network is its IPv4 network"),
        pytest.param("::/0", "10.0.0.1", False, id="all of IPv6 is not IPv4"),
        pytest.param("0.0.0.0/0", "::1", False, id="all of IPv4 is not IPv6"),
        pytest.param("0.0.0.0/0", "::ffff:1.2.3.4", True, id="all of IPv4 holds mapped addresses"),
        pytest.param("2001:db8::/32", "2001:db8::1", True, id="IPv6"),
        pytest.param("::1", "::1", True, id="a single address"),
    ],
)
def test_trust_covers_the_addresses_of_its_networks(network: str, address: str, covered: bool) -> None:
    read = read_address(address)

    assert read is not None
    assert Trust([network]).covers(read) is covered


def test_nobody_trusts_the_unknown() -> None:
    assert not Trust(["0.0.0.0/0", "::/0"]).covers(UNKNOWN)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4 by itself"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="mapped IPv4 by itself"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="IPv6 by its network"),
        pytest.param("2001:db8:1:2:ffff::", "2001:db8:1:2::/64", id="another of the same network"),
        pytest.param("", "", id="a UNIX socket"),
    ],
)
def test_an_address_is_limited_under_its_key(address: str, key: str) -> None:
    assert address_key(address) == key
