import json
import unicodedata
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.record import LINE_BYTES, AccessRecord, Timestamps, encode, referrer, scrub, text

PLAIN = AccessRecord(
    timestamp="2026-01-01T00:00:00.123Z",
    method="GET",
    domain="casino.example",
    path="/roll/6",
    version="1.1",
    status=200,
    received_bytes=0,
    sent_bytes=17,
    duration=812_345,
    source_ip="192.0.2.1",
    client_ip="192.0.2.1",
    user_agent="curl/8",
    request_id="1",
    trace_id="2",
    route="roll",
    arm="v1",
    target="http://127.0.0.1:7001",
    upstream_duration=400_000,
    gateway_duration=90_000,
    answered_by="upstream",
    generation=3,
    worker="worker-1",
    sequence=9,
)
LONG = ("path", "query", "user_agent", "referrer", "domain", "method", "version")

texts = st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=50)


def test_a_record_is_one_line_of_ecs_fields() -> None:
    line = encode(PLAIN)

    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "event.dataset": "casino.access",
        "@timestamp": "2026-01-01T00:00:00.123Z",
        "http.request.method": "GET",
        "url.domain": "casino.example",
        "url.path": "/roll/6",
        "http.version": "1.1",
        "http.response.status_code": 200,
        "http.request.body.bytes": 0,
        "http.response.body.bytes": 17,
        "event.duration": 812345,
        "source.ip": "192.0.2.1",
        "client.ip": "192.0.2.1",
        "user_agent.original": "curl/8",
        "http.request.id": "1",
        "trace.id": "2",
        "casino.route": "roll",
        "casino.arm": "v1",
        "casino.upstream.target": "http://127.0.0.1:7001",
        "casino.upstream.duration": 400000,
        "casino.gateway.duration": 90000,
        "casino.source": "upstream",
        "casino.generation": 3,
        "casino.worker": "worker-1",
        "casino.sequence": 9,
    }


@given(st.dictionaries(st.sampled_from(LONG), texts))
def test_no_text_can_break_out_of_its_line(values: dict[str, str]) -> None:
    record = msgspec.structs.replace(PLAIN, **values)
    line = encode(record)

    assert line.count(b"\n") == 1
    assert "Cc" not in {unicodedata.category(character) for character in line.decode()[:-1]}
    assert msgspec.json.decode(line, type=AccessRecord) == record


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\n", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"])
def test_control_characters_and_line_separators_are_escaped(character: str) -> None:
    line = encode(msgspec.structs.replace(PLAIN, user_agent=f"a{character}b"))

    assert character not in line.decode()[:-1]
    assert json.loads(line)["user_agent.original"] == f"a{character}b"


@given(
    st.dictionaries(
        st.sampled_from(LONG), st.sampled_from(["a", "\x00", "\x9b", "é", "\u20ac", "\U0001f3b2", '"']), min_size=1
    ),
    st.integers(min_value=500, max_value=40_000),
)
def test_a_line_is_never_too_long_and_says_what_was_cut(characters: dict[str, str], length: int) -> None:
    record = msgspec.structs.replace(PLAIN, **{name: character * length for name, character in characters.items()})
    line = encode(record)
    read = msgspec.json.decode(line, type=AccessRecord)

    assert len(line) <= LINE_BYTES
    columns = {each.name: each.encode_name for each in msgspec.structs.fields(AccessRecord)}
    cut = {columns[name] for name in LONG if getattr(read, name) != getattr(record, name)}
    assert set(read.truncated) == cut
    assert all(getattr(record, name).startswith(getattr(read, name)) for name in LONG)


def test_a_text_that_fits_is_left_whole() -> None:
    read = json.loads(encode(msgspec.structs.replace(PLAIN, path="/" + "x" * 7_000)))

    assert len(read["url.path"]) == 7_001
    assert "casino.truncated" not in read


@pytest.mark.parametrize(
    ("query", "scrubbed"),
    [
        pytest.param("", "", id="none"),
        pytest.param("page=1&size=20", "page=1&size=20", id="nothing secret"),
        pytest.param("token=abc&page=1", "token=***&page=1", id="token"),
        pytest.param("a=1&access_token=abc", "a=1&access_token=***", id="access token"),
        pytest.param("accessToken=abc", "accessToken=***", id="in camel case"),
        pytest.param("API_KEY=abc&apikey=d&x-api-key=e", "API_KEY=***&apikey=***&x-api-key=***", id="API keys"),
        pytest.param("key=abc&monkey=1&keyword=2", "key=***&monkey=1&keyword=2", id="key as a word only"),
        pytest.param("code=abc&zipcode=1&codec=2", "code=***&zipcode=1&codec=2", id="code as a word only"),
        pytest.param(
            "auth=a&author=b&authorization=c", "auth=***&author=b&authorization=***", id="auth, but no author"
        ),
        pytest.param("sig=a&signature=b&design=c", "sig=***&signature=***&design=c", id="signatures"),
        pytest.param(
            "X-Amz-Signature=a&X-Amz-Credential=b", "X-Amz-Signature=***&X-Amz-Credential=***", id="signed URL"
        ),
        pytest.param(
            "password=a&passwd=b&pwd=c&secret=d&session_id=e&jwt=f",
            "password=***&passwd=***&pwd=***&secret=***&session_id=***&jwt=***",
            id="more names",
        ),
        pytest.param("%74oken=abc", "%74oken=***", id="an encoded name"),
        pytest.param("user[password]=abc", "user[password]=***", id="a nested name"),
        pytest.param("token=a=b&token", "token=***&token", id="a value with a sign of equality, and none"),
    ],
)
def test_values_of_secret_parameters_are_masked(query: str, scrubbed: str) -> None:
    assert scrub(query) == scrubbed


def test_a_query_of_many_parameters_costs_no_more_than_a_hundred() -> None:
    assert scrub("&".join(f"a{number}=1" for number in range(4_000))).endswith("a99=1&...")


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        pytest.param(b"https://a.example/x?token=1#y", "https://a.example/x", id="query and fragment"),
        pytest.param(b"https://a.example/x#token=1?", "https://a.example/x", id="fragment"),
        pytest.param(b"https://me:secret@a.example/x@y", "https://a.example/x@y", id="user and password"),
        pytest.param(b"https://a.example", "https://a.example", id="no path"),
        pytest.param(b"/x?y", "/x", id="a path"),
        pytest.param(b"", "", id="empty"),
        pytest.param(b"\xff", "\\xff", id="no UTF-8"),
    ],
)
def test_a_referrer_keeps_no_secret(value: bytes, logged: str) -> None:
    assert referrer(value) == logged


@given(st.binary(max_size=100))
def test_any_bytes_become_text_that_can_be_logged(value: bytes) -> None:
    line = encode(msgspec.structs.replace(PLAIN, user_agent=text(value), referrer=referrer(value)))
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line).get("user_agent.original", "") == text(value)


def test_there_is_no_field_for_credentials() -> None:
    columns = {each.encode_name for each in msgspec.structs.fields(AccessRecord)}

    assert not {column for column in columns if "cookie" in column or "authorization" in column}


@given(st.floats(min_value=0, max_value=4_000_000_000))
def test_times_are_written_as_the_calendar_does(seconds: float) -> None:
    written = datetime.fromisoformat(Timestamps().text(seconds))

    assert written.timestamp() == pytest.approx(seconds, abs=0.0011)


def test_the_second_that_is_remembered_does_not_stay() -> None:
    stamps = Timestamps()

    assert [stamps.text(at) for at in (1.0, 1.5, 2.25, 1.5)] == [
        "1970-01-01T00:00:01.000Z",
        "1970-01-01T00:00:01.500Z",
        "1970-01-01T00:00:02.250Z",
        "1970-01-01T00:00:01.500Z",
    ]
