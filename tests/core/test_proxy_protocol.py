"""PROXY headers: read byte by byte, whole or refused, never guessed."""

import ipaddress
import struct

import pytest

from gateway.core.proxy_protocol import Malformed, Preface, read_preface

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v2(source: str, destination: str, *, command: int = 0x21, extra: bytes = b"") -> bytes:
    one, other = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    block = one.packed + other.packed + struct.pack("!HH", 4242, 80) + extra
    return SIGNATURE + struct.pack("!BBH", command, 0x11 if one.version == 4 else 0x21, len(block)) + block


LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
READABLE = [
    pytest.param(b"PROXY TCP4 192.0.2.1 198.51.100.1 4242 80\r\n", "192.0.2.1", id="version 1, IPv4"),
    pytest.param(b"PROXY TCP6 2001:db8::1 2001:db8::2 4242 80\r\n", "2001:db8::1", id="version 1, IPv6"),
    pytest.param(b"PROXY UNKNOWN\r\n", "", id="version 1, unknown"),
    pytest.param(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", id="version 1, unknown with addresses"),
    pytest.param(v2("192.0.2.1", "198.51.100.1"), "192.0.2.1", id="version 2, IPv4"),
    pytest.param(v2("2001:db8::1", "2001:db8::2"), "2001:db8::1", id="version 2, IPv6"),
    pytest.param(v2("192.0.2.1", "198.51.100.1", extra=b"\x01\x00\x02h2"), "192.0.2.1", id="version 2, with TLVs"),
    pytest.param(LOCAL, "", id="version 2, LOCAL"),
    pytest.param(SIGNATURE + b"\x21\x31\x00\x00", "", id="version 2, UNIX"),
]


@pytest.mark.parametrize(("header", "source"), READABLE)
def test_a_header_is_read_and_what_follows_is_left(header: bytes, source: str) -> None:
    assert read_preface(header + b"GET / HTTP/1.1\r\n") == Preface(len(header), source, is_own=header == LOCAL)


@pytest.mark.parametrize(("header", "source"), READABLE)
def test_a_header_in_pieces_is_awaited(header: bytes, source: str) -> None:
    assert all(read_preface(header[:end]) is None for end in range(1, len(header)))
    assert read_preface(header) == Preface(len(header), source, is_own=header == LOCAL)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="a request"),
        pytest.param(b"PROXY TCP4 192.0.2.1 198.51.100.1 4242\r\n", id="a word missing"),
        pytest.param(b"PROXY TCP4 192.0.2.1 198.51.100.1 4242 80 1\r\n", id="a word too many"),
        pytest.param(b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", id="the other family"),
        pytest.param(b"PROXY TCP4 192.0.2.1 198.51.100.1 4242 99999\r\n", id="no port"),
        pytest.param(b"PROXY TCP4 192.0.2.1 198.51.100.1 -1 80\r\n", id="a signed port"),
        pytest.param(b"PROXY TCP4 example.com 198.51.100.1 1 80\r\n", id="a name"),
        pytest.param(b"PROXY TCP5 192.0.2.1 198.51.100.1 1 80\r\n", id="no protocol"),
        pytest.param(b"PROXY " + b"x" * 200, id="too long"),
        pytest.param(SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12), id="version 3"),
        pytest.param(SIGNATURE + b"\x21\x11\x00\x04" + bytes(4), id="too short for its addresses"),
        pytest.param(SIGNATURE + b"\x21\x11\xff\xff", id="more than is accepted"),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    assert read_preface(data) == Malformed()
