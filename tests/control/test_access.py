"""Who may call control: on real sockets, with every wrong form of a token, and with what a browser can be made to send."""

import json
import socket
from contextlib import closing

import pytest

from gateway.control.access import Refusals
from tests.control.conftest import SPEC
from tests.control.guarded import CONTROL, NEXT, OPERATE, READ, RELAYED, Answer, bearer

# ---- tokens


def test_callers_of_this_machine_need_no_token(shared):
    assert shared.ask("GET /metrics").status == 200
    assert shared.ask("POST /reload").status == 200


@pytest.mark.parametrize("header", ["Via: 1.1 p", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=::1", "X-Real-IP: ::1"])
def test_a_proxy_on_this_machine_makes_nobody_local(shared, header):
    answer = shared.ask("GET /metrics", header)
    assert (answer.status, answer.challenge) == (401, 'Bearer realm="casino control"')


@pytest.mark.parametrize(
    "path", ["/", "/health", "/ready", "/metrics", "/stats", "/config", "/reload", "/nothing", "/%2e%2e"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_at_all_is_served_to_others_without_one(shared, method, path):
    answer = shared.ask(f"{method} {path}", RELAYED)
    assert answer.status == 401


def test_a_token_that_may_read_reads(shared):
    for path in ("/", "/health", "/ready", "/metrics", "/stats", "/config"):
        assert shared.ask(f"GET {path}", RELAYED, bearer(READ)).status == 200
    assert shared.ask("GET /nothing", RELAYED, bearer(READ)).status == 404
    assert shared.ask("GET /metrics", RELAYED, f"authorization:   bEaReR {READ}").status == 200


def test_a_token_that_may_operate_does_both(shared):
    assert shared.ask("GET /metrics", RELAYED, bearer(OPERATE)).status == 200
    assert shared.ask("POST /reload", RELAYED, bearer(OPERATE)).status == 200


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([bearer("x" * 40)], id="another token"),
        pytest.param([bearer(READ[:-1])], id="a part of one"),
        pytest.param([bearer(READ + "r")], id="one and more"),
        pytest.param([bearer(READ.upper())], id="in capitals"),
        pytest.param([bearer("s" * 31)], id="one that is too short to count"),
        pytest.param([bearer("")], id="none"),
        pytest.param(["Authorization: Bearer"], id="not even a space"),
        pytest.param(["Authorization:"], id="empty"),
        pytest.param([f"Authorization: {READ}"], id="without a scheme"),
        pytest.param([f"Authorization: Basic {READ}"], id="another scheme"),
        pytest.param([f"Authorization: Bearer{READ}"], id="without a space"),
        pytest.param([f"Authorization: Bearer {READ} {READ}"], id="twice in one line"),
        pytest.param([f"Authorization: Bearer {READ}, Bearer {READ}"], id="a list"),
        pytest.param([bearer(READ), bearer(READ)], id="two lines"),
        pytest.param([bearer("x" * 40), bearer(READ)], id="a bad one before it"),
        pytest.param([bearer(f'"{READ}"')], id="in quotes"),
        pytest.param([bearer("\xe9" * 40)], id="not ASCII"),
        pytest.param([bearer("x" * 4000)], id="very long"),
        pytest.param([f"Proxy-Authorization: Bearer {READ}"], id="for a proxy"),
        pytest.param([f"Cookie: token={READ}"], id="in a cookie"),
        pytest.param([f"X-Api-Key: {READ}"], id="in another header"),
        pytest.param([f"Authorization_: Bearer {READ}"], id="a name that looks like it"),
    ],
)
@pytest.mark.proves("4.2 no wrong form of a token opens control")
def test_every_wrong_form_of_a_token_is_told_the_same(shared, lines):
    answer = shared.ask("GET /metrics", RELAYED, *lines)
    assert answer.status == 401
    assert answer.detail == "This needs a valid token, as `Authorization: Bearer TOKEN`."
    assert answer.challenge.startswith('Bearer realm="casino control"')
    assert READ not in str(answer.headers) + answer.body.decode()


def test_no_token_is_taken_from_the_address(shared):
    for query in (f"access_token={READ}", f"token={READ}"):
        assert shared.ask(f"GET /metrics?{query}", RELAYED).status == 401


def test_a_bad_token_is_refused_on_this_machine_too(shared):
    answer = shared.ask("GET /metrics", bearer("x" * 40))
    assert (answer.status, answer.challenge) == (401, 'Bearer realm="casino control", error="invalid_token"')
    assert shared.ask("POST /reload", bearer(READ)).status == 403


@pytest.mark.parametrize(
    ("start", "lines", "status"),
    [
        pytest.param("POST /reload", [], 403, id="plainly"),
        pytest.param("POST /reload", ["X-HTTP-Method-Override: GET"], 403, id="an override"),
        pytest.param("GET /reload", ["X-HTTP-Method-Override: POST"], 405, id="the other way round"),
        pytest.param("GET /reload?_method=POST", ["X-Method-Override: POST", "X-HTTP-Method: POST"], 405, id="more of them"),
        pytest.param("HEAD /reload", [], 405, id="HEAD"),
        pytest.param("PUT /reload", [], 403, id="PUT"),
        pytest.param("PATCH /config", [], 403, id="PATCH"),
        pytest.param("DELETE /config", [], 403, id="DELETE"),
        pytest.param("OPTIONS /reload", [], 403, id="OPTIONS"),
        pytest.param("POST /reload/", [], 403, id="a slash more"),
        pytest.param("POST /metrics", [], 403, id="where nothing can be changed"),
    ],
)  # fmt: skip
@pytest.mark.proves("4.2 a token that may read changes nothing by any method")
def test_a_token_that_may_read_changes_nothing_by_any_method(shared, start, lines, status):
    answer = shared.ask(start, RELAYED, bearer(READ), *lines)
    assert answer.status == status
    if status == 403:
        assert answer.challenge == 'Bearer realm="casino control", error="insufficient_scope"'
    assert shared.rig.ask("GET", "/config").json["generation"] == 1


def test_a_token_is_rotated_by_its_file_alone(place):
    assert place.ask("GET /metrics", RELAYED, bearer(READ)).status == 200
    place.write("read", NEXT + "\n")
    assert place.ask("GET /metrics", RELAYED, bearer(READ)).status == 401
    assert place.ask("GET /metrics", RELAYED, bearer(NEXT)).status == 200


def test_a_token_whose_file_is_away_for_a_moment_stays(place):
    assert place.ask("GET /metrics", RELAYED, bearer(READ)).status == 200
    (place.folder / "read").unlink()
    assert place.ask("GET /metrics", RELAYED, bearer(READ)).status == 200
    place.write("read", "short")
    assert place.ask("GET /metrics", RELAYED, bearer(READ)).status == 401


def test_a_reload_gives_and_takes_tokens(place):
    place.rig.write_spec(place.spec().replace("broken:", "extra:").replace("missing", "extra"))
    place.write("extra", NEXT)
    assert place.ask("POST /reload").status == 200
    assert place.ask("POST /reload", RELAYED, bearer(NEXT)).status == 200
    place.rig.write_spec(SPEC)
    assert place.ask("POST /reload").status == 200
    assert place.ask("GET /metrics", RELAYED, bearer(NEXT)).status == 401
    assert place.ask("GET /metrics").status == 200


# ---- browsers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("[::1]:9080", 200), ("localhost", 200), ("control.casino.svc", 200), ("gateway", 200),
        ("ops.casino.example", 200), ("OPS.casino.example:9080", 200), ("ops.casino.example.", 200),
        ("a.gateways.example", 200), ("a.b.gateways.example:80", 200),
        ("evil.example", 403), ("rebound.evil.example:9080", 403), ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403), ("evil-ops.casino.example", 403), ("x.ops.casino.example", 403),
        ("gateways.example", 403), ("evilgateways.example", 403), ("evil@127.0.0.1", 403), ("127.0.0.1@evil.example", 403),
        ("127.0.0.1/evil.example", 403), ("127.0.0.1#evil.example", 403), ("evil.example\\@127.0.0.1", 403),
        ("2130706433.evil.example", 403), ("", 403),
    ],
)  # fmt: skip
@pytest.mark.proves("4.2 DNS rebinding of the control port leads nowhere")
def test_a_name_that_somebody_could_register_is_refused_unless_listed(shared, host, status):
    """DNS rebinding: the attacker's name leads to 127.0.0.1, and the browser sends the attacker's Host."""
    assert shared.ask("GET /config", host=host).status == status
    assert shared.ask("POST /reload", host=host).status == status


def test_two_hosts_are_none(shared):
    assert shared.ask("GET /config", "Host: evil.example").status == 403
    assert shared.ask("GET http://127.0.0.1/config", host="evil.example").status == 403


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["Origin: https://evil.example"], id="a page of another site"),
        pytest.param(["Origin: null"], id="of no site"),
        pytest.param(["Origin: http://127.0.0.1:3000"], id="of another port"),
        pytest.param(["Origin: http://127.0.0.1.evil.example"], id="of a name that begins like ours"),
        pytest.param(["Origin: http://127.0.0.1", "Origin: https://evil.example"], id="of two sites"),
        pytest.param(["Origin: http://["], id="of rubbish"),
        pytest.param(["Sec-Fetch-Site: cross-site"], id="fetched across sites"),
        pytest.param(["Sec-Fetch-Site: same-site"], id="fetched from a neighbour"),
        pytest.param(["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"], id="both"),
    ],
)
@pytest.mark.parametrize("start", ["GET /config", "POST /reload", "OPTIONS /reload"])
def test_pages_of_other_sites_are_refused_with_a_good_token_too(shared, start, lines):
    assert shared.ask(start, *lines).status == 403
    answer = shared.ask(start, RELAYED, bearer(OPERATE), *lines)
    assert (answer.status, answer.headers.get("Access-Control-Allow-Origin")) == (403, None)


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "TEXT/PLAIN;charset=utf-8"],
)
def test_what_a_form_can_send_is_refused(shared, kind):
    assert shared.ask("POST /reload", f"Content-Type: {kind}", body="a=b").status == 403
    assert shared.ask("POST /reload", "Content-Type: application/json", body="{}").status == 200


HIDDEN = b"POST /reload HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""What stands in the body of a request as one server reads it, and is a request as another does."""


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param(b"Content-Length : %d" % len(HIDDEN), id="a space before the colon"),
        pytest.param(b"Transfer-Encoding : chunked", id="the same for a coding"),
        pytest.param(b" Transfer-Encoding: chunked", id="a space before the name"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5", id="both"),
        pytest.param(b"X: a\nTransfer-Encoding: chunked", id="a bare line feed"),
        pytest.param(b"X: a\x00b", id="NUL"),
        pytest.param(b"X\x00: a", id="NUL in a name"),
        pytest.param(b": a", id="no name"),
        pytest.param("Content-Length: \u0665".encode(), id="other digits"),
        pytest.param(b"Content-Length: +5", id="a sign"),
    ],
)
@pytest.mark.proves("4.2 no request can be hidden in another one on its way to control")
def test_no_request_is_hidden_in_another(shared, framing):
    with closing(socket.create_connection(("127.0.0.1", shared.rig.port), 10, (next(shared.sources), 0))) as connected:
        connected.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n%b\r\nVia: 1.1 p\r\n\r\n" % framing + HIDDEN)
        answers = b""
        while piece := connected.recv(65536):
            answers += piece
    assert answers.count(b"HTTP/1.1 ") == 1, answers
    assert answers.startswith(b"HTTP/1.1 4")
    assert b"result" not in answers


# ---- too many refusals


def test_who_is_refused_too_often_is_told_to_wait_and_a_good_token_is_not(place):
    statuses = {place.ask("GET /metrics", RELAYED, bearer("x" * 40)).status for _ in range(Refusals.AT_ONCE + 20)}
    assert statuses == {401, 429}
    limited = place.ask("GET /metrics", RELAYED)
    assert (limited.status, limited.headers["Retry-After"]) == (429, "1")
    assert place.ask("GET /metrics", RELAYED, bearer(READ)).status == 200
    assert place.ask("GET /metrics").status == 200


def test_refusals_of_many_addresses_are_remembered_for_some():
    clock = iter(range(10**9)).__next__
    refusals = Refusals(lambda: clock() / 1e9)
    for number in range(3 * Refusals.MOST_ADDRESSES):
        assert refusals.note(str(number)) == (False, True, 0)
    assert len(refusals._buckets) == Refusals.MOST_ADDRESSES


def test_an_address_is_forgiven_one_refusal_a_second_and_what_was_not_told_is_counted():
    now = 0.0
    refusals = Refusals(lambda: now)
    assert [refusals.note("a") for _ in range(Refusals.AT_ONCE)] == [(False, True, 0)] * Refusals.AT_ONCE
    assert [refusals.note("a") for _ in range(3)] == [(True, True, 0), (True, False, 0), (True, False, 0)]
    assert refusals.note("b") == (False, True, 0)
    now = 1.0
    assert refusals.note("a") == (False, True, 2)
    assert refusals.note("a") == (True, True, 0)
    now = 1000.0
    assert [refusals.note("a")[0] for _ in range(Refusals.AT_ONCE + 1)] == [False] * Refusals.AT_ONCE + [True]


# ---- UNIX sockets


def test_callers_through_a_unix_socket_need_no_token(rig, tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "read").write_text(READ)
    made = rig(SPEC + CONTROL.format(place=folder, audit=folder / "audit.log"))
    made.socket.close()
    made.socket = socket.socket(socket.AF_UNIX)
    made.socket.bind(str(tmp_path / "control.sock"))
    made.socket.listen()
    made.start()

    def ask(start: str, *lines: str) -> int:
        with closing(socket.socket(socket.AF_UNIX)) as connected:
            connected.settimeout(10)
            connected.connect(str(tmp_path / "control.sock"))
            head = [f"{start} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]
            connected.sendall("\r\n".join(head).encode())
            return Answer(connected, start.partition(" ")[0]).status

    assert ask("POST /reload") == 200
    assert ask("GET /metrics", RELAYED) == 401
    assert ask("GET /metrics", RELAYED, bearer(READ)) == 200
    assert ask("GET /metrics", bearer("x" * 40)) == 401
    first = json.loads((folder / "audit.log").read_text().splitlines()[0])
    assert (first["event.action"], "source.ip" in first, "user.name" in first) == ("POST /reload", False, False)


# ---- other machines


def own_address() -> str | None:
    """An address of this machine beside loopback, where it has one; nothing is sent to find it."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737)
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


@pytest.mark.skipif(own_address() is None, reason="this machine has no address beside loopback")
def test_a_caller_from_any_other_address_needs_a_token(rig, tmp_path):
    (tmp_path / "read").write_text(READ)
    made = rig(SPEC + CONTROL.format(place=tmp_path, audit=tmp_path / "audit.log"))
    made.socket.close()
    made.socket = socket.create_server(("0.0.0.0", 0))
    made.start()

    def ask(host: str, *lines: str) -> int:
        address = (host, made.socket.getsockname()[1])
        with closing(socket.create_connection(address, 10)) as connected:
            head = ["GET /metrics HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
            connected.sendall("\r\n".join(head).encode())
            return Answer(connected, "GET").status

    assert ask("127.0.0.1") == 200
    assert ask(own_address()) == 401
    assert ask(own_address(), bearer("x" * 40)) == 401
    assert ask(own_address(), bearer(READ)) == 200
    assert json.loads((tmp_path / "audit.log").read_text().splitlines()[0])["source.ip"] == own_address()
