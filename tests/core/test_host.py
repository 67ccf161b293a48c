import pytest

from gateway.core.failure import Failure, Refused
from gateway.core.host import Host, parse


@pytest.mark.parametrize(
    ("value", "host"),
    [
        pytest.param("shop.example", Host("shop.example", None), id="name"),
        pytest.param("Shop.EXAMPLE:8080", Host("shop.example", 8080), id="capitals and a port"),
        pytest.param("shop.example.", Host("shop.example", None), id="a trailing dot (CVE-2022-23632)"),
        pytest.param("shop.example.:443", Host("shop.example", 443), id="a trailing dot before a port"),
        pytest.param("shop.example:", Host("shop.example", None), id="an empty port"),
        pytest.param("my_service-1", Host("my_service-1", None), id="an underscore, as containers have"),
        pytest.param("127.0.0.1:80", Host("127.0.0.1", 80), id="IPv4"),
        pytest.param("[::1]:80", Host("[::1]", 80), id="IPv6"),
        pytest.param("[2001:DB8:0:0::1]", Host("[2001:db8::1]", None), id="IPv6 in its shortest form"),
        pytest.param("xn--bcher-kva.example", Host("xn--bcher-kva.example", None), id="IDNA stays encoded"),
    ],
)
def test_a_host_has_one_spelling(value: str, host: Host) -> None:
    assert parse(value) == host


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param(":80", id="a port alone"),
        pytest.param(".", id="a dot"),
        pytest.param("a..example", id="an empty label"),
        pytest.param(".example", id="a leading dot"),
        pytest.param("a.example..", id="two trailing dots"),
        pytest.param("a example", id="a space"),
        pytest.param("a.example/x", id="a slash"),
        pytest.param("a@b.example", id="a user"),
        pytest.param("a.example:80:81", id="two ports"),
        pytest.param("a.example:65536", id="a port too high"),
        pytest.param("a.example:-1", id="a negative port"),
        pytest.param("a.example:\u0665", id="a digit of another script"),
        pytest.param("a.example,b.example", id="two hosts"),
        pytest.param("a%2eexample", id="percent-encoding"),
        pytest.param("b\xfccher.example", id="beyond ASCII"),
        pytest.param("::1", id="IPv6 without brackets"),
        pytest.param("[::1", id="a bracket not closed"),
        pytest.param("[::g]", id="no IPv6"),
        pytest.param("[fe80::1%25eth0]", id="a zone"),
        pytest.param("[127.0.0.1]", id="IPv4 in brackets"),
        pytest.param("a" * 64 + ".example", id="a label too long"),
        pytest.param("a." * 127 + "example", id="a name too long"),
        pytest.param('a"b', id="a quote"),
        pytest.param("a\r\nb", id="a line break"),
    ],
)
def test_what_is_no_host_is_refused(value: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(value)

    assert refused.value.failure is Failure.BAD_HOST
