import pytest

from gateway.spec.address import SocketAddress, TargetAddress, parse_address, parse_target


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", SocketAddress("ipv4", "127.0.0.1", 8080)),
        ("0.0.0.0:0", SocketAddress("ipv4", "0.0.0.0", 0)),
        ("[0:0::1]:80", SocketAddress("ipv6", "::1", 80)),
        ("[::]:65535", SocketAddress("ipv6", "::", 65535)),
        ("unix:/run/casino.sock", SocketAddress("unix", "/run/casino.sock", 0)),
    ],
)
def test_a_listener_has_one_meaning(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "loopback"),
    [("127.8.8.8:1", True), ("[::1]:1", True), ("unix:/x", True), ("0.0.0.0:1", False), ("[::]:1", False), ("10.0.0.1:1", False)],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(text, loopback):
    assert parse_address(text).is_loopback is loopback


@pytest.mark.parametrize(
    ("text", "address", "authority"),
    [
        ("http://dice", TargetAddress("http", "dice", 80), "dice"),
        ("http://dice:7001", TargetAddress("http", "dice", 7001), "dice:7001"),
        ("https://dice", TargetAddress("https", "dice", 443), "dice"),
        ("https://dice:80", TargetAddress("https", "dice", 80), "dice:80"),
        ("http://[::1]:80", TargetAddress("http", "::1", 80), "[::1]"),
        ("http://[::1]:81", TargetAddress("http", "::1", 81), "[::1]:81"),
        ("srv://_http._tcp.dice", TargetAddress("srv", "_http._tcp.dice", 0), "_http._tcp.dice"),
        ("unix:/run/dice.sock", TargetAddress("unix", "/run/dice.sock", 0), "localhost"),
    ],
)
def test_a_target_has_one_meaning(text, address, authority):
    assert parse_target(text) == address
    assert address.authority == authority


@pytest.mark.parametrize(
    ("text", "tls", "literal"),
    [
        ("http://h", False, False), ("https://10.0.0.1", True, True), ("srvs://h", True, False),
        ("http://[::1]", False, True), ("unix:/x", False, True),
    ],
)  # fmt: skip
def test_a_target_says_how_it_is_dialled(text, tls, literal):
    assert (parse_target(text).is_tls, parse_target(text).is_literal) == (tls, literal)


@pytest.mark.parametrize(
    ("parse", "text", "hint"),
    [
        (parse_address, "8080", "did you mean `127.0.0.1:8080`?"),
        (parse_address, ":8080", "every address is `0.0.0.0:8080` and `[::]:8080`"),
        (parse_address, "localhost:80", "did you mean `127.0.0.1:80`?"),
        (parse_address, "127.0.0.1", "with a port from 0 to 65535"),
        (parse_address, "::1:80", "an IPv6 address stands in brackets: `[::1]:80`"),
        (parse_target, "dice:80", "did you mean `http://dice:80`?"),
        (parse_target, "http://dice/", "without a path: `http://dice`; a path belongs in the route's `rewrite`"),
        (parse_target, "http://user@dice", "without credentials"),
        (parse_target, "srv://dice:80", "without a port: the SRV records say it"),
        (parse_target, "http://dice:0", "with a port from 1 to 65535"),
    ],
)
def test_a_mistake_comes_with_a_hint(parse, text, hint):
    with pytest.raises(ValueError, match=r".") as refused:
        parse(text)
    assert str(refused.value) == hint
