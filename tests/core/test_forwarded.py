import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.address import Trust
from gateway.core.forwarded import Hop
from gateway.core.request import Header

TRUST = Trust(["10.0.0.0/8", "2001:db8:ffff::/48"])
HOST = b"shop.example:8080"


def hop(peer: str, *, scheme: str = "http", port: int = 8080) -> Hop:
    return Hop(peer, scheme=scheme, port=port, trust=TRUST)


def told(lines: bytes) -> dict[str, str]:
    assert lines.endswith(b"\r\n")
    pairs = [line.split(": ", 1) for line in lines.decode().removesuffix("\r\n").split("\r\n")]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def xff(*values: str) -> list[Header]:
    return [(b"x-forwarded-for", value.encode()) for value in values]


SPOOFED: list[Header] = [
    (b"x-forwarded-for", b"1.1.1.1"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-port", b"1"),
    (b"forwarded", b"for=1.1.1.1;host=evil.example"),
    (b"x-real-ip", b"1.1.1.1"),
    (b"x-original-url", b"/admin"),
]


@pytest.mark.parametrize("claims", [[], SPOOFED], ids=["no claims", "spoofed claims"])
def test_from_an_untrusted_peer_only_the_connection_counts(claims: list[Header]) -> None:
    origin = hop("192.0.2.7").origin(HOST, claims)

    assert (origin.client, origin.scheme) == ("192.0.2.7", "http")
    assert told(origin.lines) == {
        "x-forwarded-for": "192.0.2.7",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "shop.example:8080",
        "x-forwarded-port": "8080",
        "forwarded": 'for=192.0.2.7;host="shop.example:8080";proto=http',
    }


def test_an_introduction_is_made_once_for_each_host() -> None:
    connection = hop("192.0.2.7")
    first = connection.origin(HOST, [])

    assert connection.origin(HOST, SPOOFED) is first
    assert told(connection.origin(b"other.example", []).lines)["x-forwarded-host"] == "other.example"


@pytest.mark.parametrize(
    ("peer", "claims", "client", "chain"),
    [
        pytest.param("10.0.0.1", [], "10.0.0.1", "10.0.0.1", id="a trusted peer that claims nothing"),
        pytest.param("10.0.0.1", xff("192.0.2.7"), "192.0.2.7", "192.0.2.7, 10.0.0.1", id="one hop"),
        pytest.param(
            "10.0.0.1", xff("192.0.2.7, 10.0.0.2"), "192.0.2.7", "192.0.2.7, 10.0.0.2, 10.0.0.1", id="two trusted hops"
        ),
        pytest.param(
            "10.0.0.1", xff("1.1.1.1, 192.0.2.7"), "192.0.2.7", "1.1.1.1, 192.0.2.7, 10.0.0.1",
            id="what the client itself claimed stands left of it and is not believed",
        ),
        pytest.param(
            "10.0.0.1", xff("1.1.1.1", "192.0.2.7"), "192.0.2.7", "1.1.1.1, 192.0.2.7, 10.0.0.1", id="two header lines"
        ),
        pytest.param("10.0.0.1", xff("10.0.0.9"), "10.0.0.9", "10.0.0.9, 10.0.0.1", id="trusted all the way"),
        pytest.param("10.0.0.1", xff("192.0.2.7:1234"), "192.0.2.7", "192.0.2.7, 10.0.0.1", id="with a port"),
        pytest.param(
            "10.0.0.1", xff("[2001:db8::7]:1234"), "2001:db8::7", "2001:db8::7, 10.0.0.1", id="IPv6 with a port"
        ),
        pytest.param("10.0.0.1", xff("2001:DB8::7"), "2001:db8::7", "2001:db8::7, 10.0.0.1", id="IPv6"),
        pytest.param("10.0.0.1", xff("::ffff:192.0.2.7"), "192.0.2.7", "192.0.2.7, 10.0.0.1", id="mapped IPv4"),
        pytest.param("::ffff:10.0.0.1", xff("192.0.2.7"), "192.0.2.7", "192.0.2.7, 10.0.0.1", id="a mapped peer"),
        pytest.param("10.0.0.1", xff("unknown"), "10.0.0.1", "10.0.0.1", id="a word"),
        pytest.param(
            "10.0.0.1", xff("192.0.2.7, unknown, 10.0.0.2"), "10.0.0.2", "10.0.0.2, 10.0.0.1", id="nothing beyond a word"
        ),
        pytest.param("10.0.0.1", xff("192.0.2.7,, 10.0.0.2"), "10.0.0.2", "10.0.0.2, 10.0.0.1", id="an empty element"),
        pytest.param("10.0.0.1", xff("1.2.3.4\x01"), "10.0.0.1", "10.0.0.1", id="a control character"),
        pytest.param("10.0.0.1", xff("\xe9"), "10.0.0.1", "10.0.0.1", id="beyond ASCII"),
        pytest.param("10.0.0.1", xff("999.0.0.1"), "10.0.0.1", "10.0.0.1", id="no address"),
    ],
)  # fmt: skip
def test_a_trusted_chain_is_read_from_the_right(peer: str, claims: list[Header], client: str, chain: str) -> None:
    origin = hop(peer).origin(HOST, claims)

    assert origin.client == client
    assert told(origin.lines)["x-forwarded-for"] == chain


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param([(b"x-forwarded-proto", b"https")], ("https", "shop.example:8080", "8080"), id="scheme"),
        pytest.param([(b"x-forwarded-proto", b"http, HTTPS")], ("https", "shop.example:8080", "8080"), id="the last"),
        pytest.param([(b"x-forwarded-proto", b"gopher")], ("http", "shop.example:8080", "8080"), id="no scheme"),
        pytest.param([(b"x-forwarded-host", b"a.example")], ("http", "a.example", "8080"), id="host"),
        pytest.param([(b"x-forwarded-host", b'a"; b')], ("http", "shop.example:8080", "8080"), id="no host"),
        pytest.param([(b"x-forwarded-port", b"443")], ("http", "shop.example:8080", "443"), id="port"),
        pytest.param([(b"x-forwarded-port", b"0")], ("http", "shop.example:8080", "8080"), id="no port"),
        pytest.param([(b"x-forwarded-port", b"99999")], ("http", "shop.example:8080", "8080"), id="a port too high"),
        pytest.param(
            [(b"forwarded", b'for=192.0.2.7;proto=https;host="a.example"')],
            ("https", "a.example", "8080"),
            id="Forwarded",
        ),
        pytest.param(
            [(b"forwarded", b"for=1.1.1.1;proto=https, for=192.0.2.7;proto=http, for=10.0.0.2;proto=ws")],
            ("http", "shop.example:8080", "8080"),
            id="Forwarded, as the believed client asked",
        ),
    ],
)
def test_scheme_host_and_port_are_believed_of_a_trusted_peer(
    claims: list[Header], expected: tuple[str, str, str]
) -> None:
    origin = hop("10.0.0.1").origin(HOST, claims)
    lines = told(origin.lines)

    assert (lines["x-forwarded-proto"], lines["x-forwarded-host"], lines["x-forwarded-port"]) == expected
    assert origin.scheme == expected[0]


@pytest.mark.parametrize(
    ("value", "client"),
    [
        pytest.param("for=192.0.2.7", "192.0.2.7", id="plain"),
        pytest.param("For=192.0.2.7 ; Proto=http", "192.0.2.7", id="in any case, with spaces"),
        pytest.param('for="[2001:db8::7]:1234"', "2001:db8::7", id="IPv6 with a port"),
        pytest.param("for=1.1.1.1, for=192.0.2.7, for=10.0.0.2", "192.0.2.7", id="read from the right"),
        pytest.param("for=192.0.2.7, for=_hidden", "10.0.0.1", id="nothing beyond an obfuscated node"),
        pytest.param("for=192.0.2.7, proto=http", "10.0.0.1", id="nothing beyond an element without a node"),
        pytest.param('for=192.0.2.7;host="a, for=6.6.6.6"', "192.0.2.7", id="a comma within quotes"),
        pytest.param('for=192.0.2.7;host="a\\", for=6.6.6.6"', "192.0.2.7", id="an escaped quote"),
        pytest.param('for=192.0.2.7;host="a', "10.0.0.1", id="a quote not closed"),
        pytest.param("for 192.0.2.7", "10.0.0.1", id="no parameter"),
    ],
)
def test_forwarded_is_read_where_there_is_no_x_forwarded(value: str, client: str) -> None:
    assert hop("10.0.0.1").origin(HOST, [(b"forwarded", value.encode())]).client == client


def test_x_forwarded_is_believed_before_forwarded_which_a_proxy_may_pass_on_unread() -> None:
    claims = [(b"forwarded", b"for=6.6.6.6"), *xff("192.0.2.7")]
    origin = hop("10.0.0.1").origin(HOST, claims)

    assert origin.client == "192.0.2.7"
    assert "6.6.6.6" not in origin.lines.decode()


def test_ipv6_is_written_as_each_header_wants_it() -> None:
    lines = told(hop("2001:db8::7").origin(b"[::1]:80", []).lines)

    assert lines["x-forwarded-for"] == "2001:db8::7"
    assert lines["forwarded"] == 'for="[2001:db8::7]";host="[::1]:80";proto=http'


def test_the_whole_chain_stands_in_forwarded_too() -> None:
    claims = [*xff("2001:db8::7, 10.0.0.2"), (b"x-forwarded-proto", b"https")]

    forwarded = told(hop("10.0.0.1").origin(HOST, claims).lines)["forwarded"]

    assert forwarded == 'for="[2001:db8::7]";host="shop.example:8080";proto=https, for=10.0.0.2, for=10.0.0.1'


def test_a_unix_socket_has_no_address_and_no_trust() -> None:
    origin = hop("", scheme="https", port=0).origin(HOST, xff("192.0.2.7"))
    lines = told(origin.lines)

    assert origin.client == ""
    assert (lines["x-forwarded-for"], lines["x-forwarded-port"]) == ("unknown", "443")
    assert lines["forwarded"].startswith("for=unknown;")


def test_other_claims_pass_only_from_trusted_peers() -> None:
    claims = [(b"x-forwarded-prefix", b"/shop"), (b"x-real-ip", b"192.0.2.7")]

    assert told(hop("10.0.0.1").origin(HOST, claims).lines)["x-forwarded-prefix"] == "/shop"
    assert b"/shop" not in hop("192.0.2.7").origin(HOST, claims).lines


def test_without_a_host_none_is_told() -> None:
    lines = told(hop("192.0.2.7").origin(b"", []).lines)

    assert "x-forwarded-host" not in lines
    assert lines["forwarded"] == "for=192.0.2.7;proto=http"


def test_a_forwarded_longer_than_any_proxy_writes_is_not_read() -> None:
    claims = [(b"forwarded", b", ".join([b"for=192.0.2.7"] * 400))]

    assert hop("10.0.0.1").origin(HOST, claims).client == "10.0.0.1"


def test_a_long_chain_costs_no_more_than_the_hops_that_are_read() -> None:
    origin = hop("10.0.0.1").origin(HOST, xff(",".join(["10.9.9.9"] * 4_000)))

    assert told(origin.lines)["x-forwarded-for"].count("10.9.9.9") == 32


@given(st.binary(max_size=60).filter(lambda value: not set(value) & set(b"\r\n\0")), st.sampled_from(
    [b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"forwarded"]
))  # fmt: skip
def test_no_claim_can_write_a_line_of_its_own(value: bytes, name: bytes) -> None:
    lines = hop("10.0.0.1").origin(HOST, [(name, value)]).lines

    assert set(told(lines)) == {
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded",
    }  # fmt: skip
    assert lines.isascii()


def test_what_is_no_address_is_not_kept_in_mind() -> None:
    connection = hop("10.0.0.1")
    tracemalloc.start()
    try:
        for number in range(200):
            connection.origin(HOST, xff(f"{number}" + "x" * 30_000))
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
