import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.failure import Failure, Refused
from gateway.core.path import normalise
from gateway.spec.template import TemplateError, parse_path

ACCEPTED = [
    pytest.param("/", "/", id="root"),
    pytest.param("/roll/6", "/roll/6", id="plain"),
    pytest.param("/roll/", "/roll/", id="a trailing slash stays"),
    pytest.param("/a.b/...", "/a.b/...", id="dots that are no dot segment"),
    pytest.param("/.well-known/acme", "/.well-known/acme", id="a hidden name"),
    pytest.param("/api../x", "/api../x", id="dots behind a name (CVE-2026-48020)"),
    pytest.param("/a-._~!$&'()*+,=:@b", "/a-._~!$&'()*+,=:@b", id="all plain characters"),
    pytest.param("/%77ith", "/with", id="an encoded letter"),
    pytest.param("/%7Euser/%2D%5f", "/~user/-_", id="encoded unreserved marks"),
    pytest.param("/v1/things%3Adelete", "/v1/things:delete", id="an encoded colon"),
    pytest.param("/%40admin", "/@admin", id="an encoded at sign"),
    pytest.param("/a%21%24%26%27%28%29%2a%2c%3d", "/a!$&'()*,=", id="encoded sub-delimiters"),
    pytest.param("/a+b%2bc", "/a+b%2Bc", id="plus stays as it is sent: servers differ on it"),
    pytest.param("/a%20b", "/a%20b", id="a space stays encoded"),
    pytest.param("/caf%c3%a9", "/caf%C3%A9", id="capitals in triplets"),
    pytest.param('/[x]^`{|}"<>', "/%5Bx%5D%5E%60%7B%7C%7D%22%3C%3E", id="harmless characters no URI may hold"),
    pytest.param("/a//b///c", "/a/b/c", id="repeated slashes"),
    pytest.param("//evil.example/x", "/evil.example/x", id="a leading double slash is no authority"),
    pytest.param("/a/./b/.", "/a/b/", id="single dots"),
    pytest.param("/without/../with", "/with", id="double dots"),
    pytest.param("/without/%2E%2E/with", "/with", id="encoded double dots (CVE-2025-47952)"),
    pytest.param("/without/.%2e/with", "/with", id="half-encoded double dots"),
    pytest.param("/a//../b", "/b", id="slashes merge before dots count"),
    pytest.param("/a/..", "/", id="back to the root"),
    pytest.param("/a/b/..", "/a/", id="a final double dot leaves a slash"),
]

REFUSED = [
    pytest.param("", id="empty"),
    pytest.param("a/b", id="no leading slash"),
    pytest.param("*", id="asterisk"),
    pytest.param("/..", id="above the root"),
    pytest.param("/a/../../etc/passwd", id="above the root from within"),
    pytest.param("/%2e%2e/etc/passwd", id="above the root, encoded"),
    pytest.param("/a%2fb", id="encoded slash"),
    pytest.param("/a%2F..%2Fb", id="encoded slashes around dots"),
    pytest.param("/a\\b", id="backslash"),
    pytest.param("/a%5cb", id="encoded backslash"),
    pytest.param("/a;b=1", id="path parameter"),
    pytest.param("/admin/..;/x", id="path parameter on dots"),
    pytest.param("/a%3bb", id="encoded semicolon"),
    pytest.param("/a%00", id="encoded NUL"),
    pytest.param("/a%0d%0aHost:x", id="encoded line break"),
    pytest.param("/a%7f", id="encoded DEL"),
    pytest.param("/a\x00", id="NUL"),
    pytest.param("/a\tb", id="tab"),
    pytest.param("/a b", id="space"),
    pytest.param("/a\x7f", id="DEL"),
    pytest.param("/a#b", id="fragment"),
    pytest.param("/a%23b", id="encoded fragment mark"),
    pytest.param("/a?b", id="query"),
    pytest.param("/a%3fb", id="encoded question mark"),
    pytest.param("/a%252e", id="encoded twice"),
    pytest.param("/caf\xe9", id="a character beyond ASCII"),
    pytest.param("/a%", id="a triplet that ends early"),
    pytest.param("/a%4", id="a triplet that ends a digit early"),
    pytest.param("/a%zz", id="a triplet of other letters"),
    pytest.param("/a%\uff12\uff10", id="a triplet of wide digits"),
    pytest.param("/%c0%af", id="an overlong slash"),
    pytest.param("/%c0%ae%c0%ae/x", id="overlong dots"),
    pytest.param("/%ff", id="no UTF-8"),
    pytest.param("/%ed%a0%80", id="half of a surrogate pair"),
]

PIECES = st.sampled_from(
    ["/", "//", ".", "..", "a", "Z9", "%2e", "%2E", "%2f", "%41", "%c3%a9", "%20", ":", "+", "%2B", "[", ";", "%", "é"]
)
PATHS = st.lists(PIECES | st.characters(max_codepoint=0x17F).filter(lambda c: c != "/"), max_size=12).map(
    lambda pieces: "/" + "".join(pieces)
)


@pytest.mark.parametrize(("path", "normal"), ACCEPTED)
def test_a_path_has_one_normal_form(path: str, normal: str) -> None:
    assert normalise(path) == normal


@pytest.mark.parametrize("path", REFUSED)
def test_what_two_servers_could_read_differently_is_refused(path: str) -> None:
    with pytest.raises(Refused) as refused:
        normalise(path)

    assert refused.value.failure is Failure.BAD_PATH


@given(PATHS)
def test_the_normal_form_is_its_own_normal_form(path: str) -> None:
    try:
        normal = normalise(path)
    except Refused:
        return

    assert normalise(normal) == normal


@given(PATHS)
def test_a_normal_form_holds_nothing_that_could_be_read_in_another_way(path: str) -> None:
    try:
        normal = normalise(path)
    except Refused:
        return

    assert normal.startswith("/")
    assert normal.isascii()
    assert normal.isprintable()
    assert not {".", ".."} & set(normal.split("/"))
    assert "//" not in normal
    assert not set(normal) & set(' "#;<>?[\\]^`{|}')


@given(st.lists(st.sampled_from(["a", "b", ".", "..", ""]), max_size=10))
def test_dot_segments_are_resolved_as_a_plain_reading_of_the_rfc_does(segments: list[str]) -> None:
    kept: list[str] = []
    above = False
    for segment in segments:
        if segment == "..":
            above = above or not kept
            kept = kept[:-1]
        elif segment not in {"", "."}:
            kept.append(segment)

    try:
        normal = normalise("/" + "/".join(segments))
    except Refused:
        assert above
    else:
        assert not above
        assert [segment for segment in normal.split("/") if segment] == kept


@given(st.text("abZ9-._~!$&'()*+,=:@;%2F5c3Be404é/[", max_size=10))
def test_a_path_the_spec_takes_is_one_that_requests_can_have(text: str) -> None:
    try:
        path = parse_path(f"/{text}")
    except TemplateError:
        return

    assert normalise(path) == path
