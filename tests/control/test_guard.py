import pytest

from gateway.control.guard import Call


@pytest.mark.parametrize(
    ("source", "headers", "local"),
    [
        pytest.param("127.0.0.1", {}, True, id="loopback"),
        pytest.param("127.9.9.9", {}, True, id="all of it"),
        pytest.param("::1", {}, True, id="IPv6"),
        pytest.param("::ffff:127.0.0.1", {}, True, id="IPv4 mapped into IPv6"),
        pytest.param("::ffff:10.0.0.1", {}, False, id="another address, mapped"),
        pytest.param(None, {}, True, id="a UNIX socket"),
        pytest.param("", {}, False, id="nobody knows"),
        pytest.param("10.0.0.1", {}, False, id="another machine"),
        pytest.param("fe80::1%lo", {}, False, id="the link"),
        pytest.param("127.0.0.1", {"x-forwarded-for": ("127.0.0.1",)}, False, id="a proxy"),
        pytest.param(None, {"via": ("1.1 p",)}, False, id="a proxy on a UNIX socket"),
        pytest.param("10.0.0.1", {"x-forwarded-for": ("127.0.0.1",)}, False, id="whoever says so"),
    ],
)
def test_local_is_who_calls_from_here_and_for_nobody_else(source, headers, local):
    assert Call("GET", "/", source, headers).is_local is local
