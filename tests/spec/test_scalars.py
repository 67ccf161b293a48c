import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spec.scalars import READERS, UnreadableError, read, write
from gateway.spec.units import Kind

READABLE = [
    (Kind.DURATION, "250ms", 0.25),
    (Kind.DURATION, "0.5ms", 0.0005),
    (Kind.DURATION, "1.5s", 1.5),
    (Kind.DURATION, "2m", 120),
    (Kind.DURATION, "1h", 3600),
    (Kind.DURATION, "0", 0),
    (Kind.DURATION, "0.1s", 0.1),
    (Kind.SIZE, "512", 512),
    (Kind.SIZE, "10kB", 10_000),
    (Kind.SIZE, "1.5kB", 1_500),
    (Kind.SIZE, "64KiB", 65_536),
    (Kind.SIZE, "10 MB", 10_000_000),
    (Kind.SHARE, "90%", 0.9),
    (Kind.SHARE, "99.9 %", 0.999),
    (Kind.SHARE, "0.25", 0.25),
    (Kind.SHARE, "1", 1),
    (Kind.SHARE, "0%", 0),
    (Kind.RATE, "100/s", 100),
    (Kind.RATE, "6000/m", 100),
    (Kind.RATE, "1kB/s", 1_000),
    (Kind.RATE, "3600/h", 1),
    (Kind.HOST, "Shop.Example.", "shop.example"),
    (Kind.HOST, "*.shop.example", "*.shop.example"),
    (Kind.HOST, "[::0:1]", "[::1]"),
    (Kind.REGEX, "[0-9]+", "[0-9]+"),
    (Kind.NETWORK, "10.0.0.0/8", "10.0.0.0/8"),
    (Kind.NETWORK, "::1", "::1"),
    (Kind.ADDRESS, "[::]:8080", "[::]:8080"),
    (Kind.ADDRESS, "127.0.0.1:0", "127.0.0.1:0"),
    (Kind.ADDRESS, "unix:/run/casino.sock", "unix:/run/casino.sock"),
    (Kind.URL, "http://h", "http://h"),
    (Kind.URL, "https://[::1]:8443", "https://[::1]:8443"),
    (Kind.URL, "srvs://_https._tcp.dice", "srvs://_https._tcp.dice"),
    (Kind.URL, "unix:/run/dice.sock", "unix:/run/dice.sock"),
    (Kind.PATH, "/", "/"),
    (Kind.TARGET, "/health?deep=1", "/health?deep=1"),
    (Kind.TEMPLATE, "/a/{b}/**", "/a/{b}/**"),
    (Kind.HEADER_NAME, "X-Beta", "X-Beta"),
    (Kind.HEADER_VALUE, "a b", "a b"),
    (Kind.HEADER_VALUE, "", ""),
]


@pytest.mark.parametrize(("kind", "text", "value"), READABLE)
def test_people_write_it_so(kind, text, value):
    assert read(kind, text) == value


UNREADABLE = [
    (Kind.DURATION, ["", "5", "-1s", "1 s", "s", "1e3s", "1s2", "+1s", "\u0661s", "nan", "inf", "9" * 19 + "s", "1d"]),
    (Kind.SIZE, ["", "-1", "10mb", "10K", "0.5B", "1e3", "0x10", "1_000", "10 apples"]),
    (Kind.SHARE, ["", "90", "-1%", "%", "1.1", "nan", "½"]),
    (Kind.RATE, ["", "100", "100/d", "/s", "-1/s", "100 / s"]),
    (Kind.HOST, ["", ".", "a..b", "*", "a.*", "*.", "shop.example:80", "ümlaut.example", "a b", "[::", "[1.2.3.4]x"]),
    (Kind.REGEX, ["(", "[", "*", "(?=a)", "\\1", "a{1001}"]),
    (Kind.NETWORK, ["", "10.0.0.1/8", "10.0.0.0/33", "::/129", "localhost", "10.0.0.0/255.0.0.255"]),
    (Kind.ADDRESS, ["", "8080", ":8080", "*:8080", "localhost:80", "1.2.3.4", "1.2.3.4:x", "1.2.3.4:65536", "::1:80",
                    "[::1]", "[::1]80", "unix:", "unix:run", "unix:/" + "a" * 200]),
    (Kind.URL, ["", "h", "h:80", "http://", "http://h/", "http://h?x", "http://u@h", "http://h:0", "http://h:99999",
                "http://h:", "ftp://h", "srv://h:80", "http://a_b..c", "http://[::1", "http://h h", "HTTP://h"]),
    (Kind.PATH, ["", "a", "/{a}", "/**", "/a?b", "/a//b", "/a/../b", "/a b", "/ü", "/%zz", "/%2f", "/%61", "/a;b", "/\\"]),
    (Kind.TARGET, ["", "?a", "/a#b", "/a?b c"]),
    (Kind.TEMPLATE, ["/{A}", "/{}", "/a{b}", "/**/a", "/***", "/{a}/{a}", "/%00", "/%FF"]),
    (Kind.HEADER_NAME, ["", "X A", "X:", "Ü", "X\r\n"]),
    (Kind.HEADER_VALUE, [" a", "a ", "a\nb", "a\r\nb", "a\0", "ü", "\x7f"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"),
    [pytest.param(kind, text, id=f"{kind}: {text!r:.30}") for kind, all_ in UNREADABLE for text in all_],
)
def test_it_is_nothing_of_its_kind(kind, text):
    with pytest.raises(UnreadableError):
        read(kind, text)


@given(st.sampled_from(sorted(READERS)), st.text(max_size=50))
def test_any_text_is_read_or_refused(kind, text):
    try:
        value = read(kind, text)
    except UnreadableError:
        return
    assert not isinstance(value, float) or math.isfinite(value)


@given(st.floats(min_value=0, max_value=86_400, allow_subnormal=False).map(lambda seconds: round(seconds, 9)))
def test_a_duration_is_written_as_it_is_read(seconds):
    assert read(Kind.DURATION, write(Kind.DURATION, seconds)) == seconds


@given(st.integers(min_value=0, max_value=2**40))
def test_a_size_is_written_as_it_is_read(size):
    assert read(Kind.SIZE, write(Kind.SIZE, size)) == size


@given(st.floats(min_value=0, max_value=1, allow_subnormal=False).map(lambda share: round(share, 9)))
def test_a_share_is_written_as_it_is_read(share):
    assert read(Kind.SHARE, write(Kind.SHARE, share)) == share


@given(st.integers(min_value=0, max_value=2**40).map(float) | st.integers(1, 10**6).map(lambda each: each / 60))
def test_a_rate_is_written_as_it_is_read(rate):
    assert read(Kind.RATE, write(Kind.RATE, rate)) == rate


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.DURATION, 0.25, "250ms"), (Kind.DURATION, 1, "1s"), (Kind.DURATION, 90, "90s"),
        (Kind.DURATION, 120, "2m"), (Kind.DURATION, 86_400, "24h"), (Kind.DURATION, 0.0, "0"),
        (Kind.SIZE, 0, "0"), (Kind.SIZE, 65_536, "64KiB"), (Kind.SIZE, 10_000_000, "10MB"), (Kind.SIZE, 513, "513"),
        (Kind.SHARE, 0.999, "99.9%"), (Kind.SHARE, 1, "100%"), (Kind.RATE, 1000, "1000/s"),
    ],
)  # fmt: skip
def test_a_value_is_written_as_people_would(kind, value, text):
    assert write(kind, value) == text
