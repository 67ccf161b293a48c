"""One view of the path for matching, rewriting and the service; nothing of a request can break out of its place."""

import pytest

from tests.proxy.wire import OK

GUARDED = """
  admin: {match: /admin/**, answer: {status: 403, body: closed}}
  old: {match: "/old/{name}", to: game, rewrite: {path: "/new/{name}"}}
  api: {match: /api/**, to: game, rewrite: {strip_prefix: /api}}
  moved: {match: /moved/**, to: game, rewrite: {path: /to/**}}
  other-host: {match: /hosted, to: game, rewrite: {host: inner.example}}
"""


def get(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target


@pytest.fixture
def guarded(configure, connect):
    configure(routes=GUARDED)
    return connect()


@pytest.mark.parametrize(
    "target",
    [
        b"/admin", b"/admin/", b"//admin/x", b"/./admin/x", b"/x/../admin/x", b"/x/%2e%2e/admin/x", b"/x/.%2E/admin",
        b"/%61dmin/x", b"/%61%64%6D%69%6e", b"/admin//x", b"/admin/%7e", b"http://a/admin/x", b"/x//../admin",
        b"/api/../admin/x", b"/admin/x?y=/../z", b"/x/..//admin",
    ],
)  # fmt: skip
def test_no_spelling_of_a_path_gets_round_the_route_that_closes_it(target, guarded, untouched):
    answer = guarded.ask(get(target))
    assert (answer.status, answer.body) == (403, b"closed")


@pytest.mark.parametrize(
    "target",
    [
        b"/..", b"/../admin", b"/x/../../admin", b"/%2e%2e/admin", b"/admin%2fx", b"/x/..%2fadmin", b"/x\\..\\admin",
        b"/x%5c..%5cadmin", b"/admin;x", b"/..;/admin", b"/%3badmin", b"/admin%00", b"/admin%0d%0aX: y", b"/%25%36%31dmin",
        b"/%c0%ae%c0%ae/admin", b"/admin%", b"/admin%2", b"/admin%zz", b"/admin%23", b"/admin%3f", b"/%0a", b"/%7f", b"/%ff",
    ],
)  # fmt: skip
def test_a_path_that_could_be_read_in_two_ways_is_refused(target, guarded, untouched):
    assert guarded.ask(get(target)).status == 400


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (b"/a//b/./c/../d", b"/a/b/d"),
        (b"/%7Euser/%41", b"/~user/A"),
        (b"/a%c3%a9", b"/a%C3%A9"),
        (b"/a|b[c]", b"/a%7Cb%5Bc%5D"),
        (b"/a?x=%2e%2e/&y=a|b", b"/a?x=%2e%2e/&y=a|b"),
        (b"/a?", b"/a"),
        (b"/old/n%61me?q", b"/new/name?q"),
        (b"/old/a+b", b"/new/a+b"),
        (b"/api", b"/"),
        (b"/api/", b"/"),
        (b"/api/x/", b"/x/"),
        (b"/api//x", b"/x"),
        (b"/api/%2e/x", b"/x"),
        (b"/api/x/../../api/y", b"/y"),
        (b"/apix/y", b"/apix/y"),
        (b"/moved", b"/to"),
        (b"/moved/a/b", b"/to/a/b"),
    ],
)
def test_the_service_is_asked_for_the_normal_form(target, sent, guarded, upstream):
    guarded.send(get(target))
    call, request = upstream.request()
    assert request.start == b"GET %b HTTP/1.1" % sent
    call.send(OK)
    assert guarded.message().status == 200


@pytest.mark.parametrize("target", [b"/api/..%2fadmin", b"/api/%2e%2e/..", b"/old/..%2f", b"/moved/%2e%2e/%2e%2e/x"])
def test_a_rewriting_cannot_climb(target, guarded, untouched):
    assert guarded.ask(get(target)).status == 400


def test_a_prefix_is_taken_off_by_whole_segments(guarded, upstream):
    guarded.send(get(b"/api../admin"))
    assert upstream.answer().start == b"GET /api../admin HTTP/1.1"
    assert guarded.message().status == 200


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"GET /old/%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: a\r\n\r\n", id="path field"),
        pytest.param(b"GET /moved/x%0d%0aX-Evil:1 HTTP/1.1\r\nHost: a\r\n\r\n", id="rest of a path"),
        pytest.param(b"GET /x?a=b\x0aX-Evil:1 HTTP/1.1\r\nHost: a\r\n\r\n", id="query"),
        pytest.param(b"GET /x HTTP/1.1\r\nHost: a%0d%0aX-Evil:1\r\n\r\n", id="host"),
        pytest.param(b"GET /x HTTP/1.1\r\nHost: a\r\nX: b\rX-Evil: 1\r\n\r\n", id="value"),
        pytest.param(b"GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: b\nX-Evil: 1\r\nConnection: upgrade\r\n\r\n", id="token"),
        pytest.param(b"GET http://a%0d%0aX-Evil:1/x HTTP/1.1\r\nHost: a\r\n\r\n", id="authority"),
    ],
)
def test_no_part_of_a_request_can_write_a_line_of_its_own(raw, guarded, untouched):
    answer = guarded.ask(raw)
    assert answer.status == 400
    assert b"evil" not in b"".join(name + value for name, value in answer.headers).lower()


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.2"])
@pytest.mark.parametrize(
    "lines",
    [
        [b'Forwarded: for="x%0d%0aX-Evil: 1"'],
        [b"X-Forwarded-Host: a%0d%0aX-Evil: 1"],
        [b'X-Forwarded-Host: a";proto="https'],
        [b"X-Forwarded-For: 1.1.1.1%0d%0aX-Evil: 1"],
        [b'Forwarded: for=1.1.1.1;host="a\\"\\r\\nX-Evil: 1"'],
        [b"X-Request-Id: a%0d%0aX-Evil: 1"],
    ],
)
def test_no_claim_of_a_proxy_can_write_a_line_of_its_own(lines, trusted, connect, upstream):
    client = connect("", trusted)
    client.send(b"\r\n".join([b"GET /x HTTP/1.1", b"Host: a", *lines, b"", b""]))
    request = upstream.answer()
    assert b"evil" not in b"".join(value for _, value in request.headers).lower()
    assert request.one(b"forwarded").count(b";host=") == 1
    assert client.message().status == 200


def test_a_rewritten_host_is_the_services_alone(guarded, upstream):
    guarded.send(get(b"/hosted"))
    request = upstream.answer()
    assert (request.one(b"host"), request.one(b"x-forwarded-host")) == (b"inner.example", b"a")
    assert guarded.message().status == 200
