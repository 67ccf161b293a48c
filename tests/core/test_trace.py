import pytest

from gateway.core.trace import continues, follow, request_id

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("traceparent", "flags"),
    [
        pytest.param(f"00-{TRACE}-{PARENT}-01", "01", id="sampled"),
        pytest.param(f"00-{TRACE}-{PARENT}-00", "00", id="not sampled"),
        pytest.param(f"cc-{TRACE}-{PARENT}-01", "01", id="a later version"),
        pytest.param(f"cc-{TRACE}-{PARENT}-01-what-comes", "01", id="a later version with more"),
    ],
)
def test_a_valid_trace_is_continued(traceparent: str, flags: str) -> None:
    trace = follow(traceparent.encode(), f"{1:032x}{2:016x}")

    assert continues(traceparent.encode())
    assert trace.trace_id == TRACE
    assert trace.header() == f"00-{TRACE}-{2:016x}-{flags}".encode()


@pytest.mark.parametrize(
    "traceparent",
    [
        pytest.param("", id="none"),
        pytest.param(f"ff-{TRACE}-{PARENT}-01", id="the forbidden version"),
        pytest.param(f"00-{'0' * 32}-{PARENT}-01", id="no trace"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", id="no parent"),
        pytest.param(f"00-{TRACE.upper()}-{PARENT}-01", id="capitals"),
        pytest.param(f"00-{TRACE}-{PARENT}", id="no flags"),
        pytest.param(f"00-{TRACE}-{PARENT}-01-more", id="version 00 with more"),
        pytest.param(f"cc-{TRACE}-{PARENT}-01more", id="a later version that does not end"),
        pytest.param(f"00-{TRACE[:-1]}-{PARENT}-01", id="too short"),
        pytest.param(f"00-{TRACE}-{PARENT}-01\r\nx: y", id="a line break"),
        pytest.param("?", id="two of them, as the codec says it"),
    ],
)
def test_an_invalid_trace_is_none_and_a_new_one_begins(traceparent: str) -> None:
    trace = follow(traceparent.encode(), f"{0xABC:032x}{0xDEF:016x}")

    assert not continues(traceparent.encode())
    assert trace.header() == f"00-{0xABC:032x}-{0xDEF:016x}-01".encode()


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        pytest.param(b"", f"{7:032x}", id="none"),
        pytest.param(b"abc-1.2_3", "abc-1.2_3", id="a trusted proxy's"),
        pytest.param(b"a" * 128, "a" * 128, id="as long as it may be"),
        pytest.param(b"a" * 129, f"{7:032x}", id="too long"),
        pytest.param(b"a b", f"{7:032x}", id="a space"),
        pytest.param(b'a"}', f"{7:032x}", id="what could break out of a log or a page"),
        pytest.param(b"a\n", f"{7:032x}", id="a line break"),
    ],
)
def test_a_request_id_is_made_here_unless_a_trusted_proxy_made_a_good_one(claimed: bytes, expected: str) -> None:
    assert request_id(claimed, f"{7:032x}{8:016x}") == expected
