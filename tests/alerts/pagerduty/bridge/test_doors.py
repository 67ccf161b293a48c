"""Mutual TLS of the port, what the other doors let in, and the ping that tells somebody outside that all is well."""

import socket
import sqlite3
import ssl
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
import trustme

from alerts.pagerduty.bridge.app import ANSWER_SECONDS
from tests.alerts.pagerduty.bridges import alert, webhook
from tests.waiting import until

NOBODY = "http://127.0.0.1:1"
MEGABYTE = b"x" * 1024 * 1024


@pytest.fixture
def secured(bridge_of, tmp_path):
    """A bridge that lets in who shows a certificate of its authority; and that authority."""
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    own.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    files = f"{{certificate: {tmp_path}/own.pem, key: {tmp_path}/own.pem, clients: {tmp_path}/ca.pem}}"
    bridge = bridge_of(events_url=NOBODY, bridge=f"watchdog: 0s, tls: {files}")
    bridge.begin()
    return bridge, authority


def post(bridge, authority, client=None):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if client:
        client.configure_cert(context)
    with httpx.Client(verify=context) as http:
        return http.post(f"https://127.0.0.1:{bridge.port}/alertmanager", json=webhook(alert())).status_code


def test_only_a_client_with_a_certificate_of_the_authority_is_let_in(secured):
    bridge, authority = secured
    known, foreign = authority.issue_cert("am.internal"), trustme.CA().issue_cert("am.internal")
    until(lambda: is_open(bridge, authority, known))
    assert post(bridge, authority, known) == 200
    for client in (None, foreign):
        with pytest.raises(httpx.TransportError):
            post(bridge, authority, client)


def is_open(bridge, authority, client) -> bool:
    try:
        return post(bridge, authority, client) == 200
    except httpx.TransportError:
        return False


def test_the_second_path_is_pinged_while_all_is_well_and_its_address_stays_secret(bridge_of, gateway_control):
    bridge = bridge_of(events_url=NOBODY, bridge="watchdog: 0s, ping: {env: PING}")
    bridge.environment["PING"] = f"http://{gateway_control.address}/secret-check"
    bridge.start()
    until(lambda: gateway_control.asked == 1)
    bridge.stop()
    assert "secret-check" not in bridge.log.read_text()


def test_the_second_path_is_not_pinged_while_pagerduty_takes_nothing(bridge_of, gateway_control):
    bridge = bridge_of(events_url=NOBODY, bridge="watchdog: 0s, ping: {env: PING}")
    bridge.environment["PING"] = f"http://{gateway_control.address}/check"
    bridge.start()
    bridge.tell(alert())
    until(lambda: gateway_control.asked == 1)
    bridge.stop()
    with sqlite3.connect(bridge.state / "bridge.sqlite") as connection:
        connection.execute("UPDATE queue SET received_at = received_at - 400")
    bridge.start()
    until(lambda: "not_delivering" in bridge.log.read_text())
    bridge.stop()
    assert gateway_control.asked == 1


def test_the_second_path_is_not_pinged_while_the_watchdog_is_missing(bridge_of, gateway_control):
    bridge = bridge_of(events_url=NOBODY, bridge="watchdog: 1s, ping: {env: PING}")
    bridge.environment["PING"] = f"http://{gateway_control.address}/check"
    bridge.start()
    until(lambda: bridge.series("bridge_watchdog_age_seconds") > 1)
    bridge.stop()
    assert gateway_control.asked == 0


@pytest.fixture
def guarded(bridge_of):
    bridge = bridge_of(events_url=NOBODY, bridge="watchdog: 0s, tokens: {am: {env: T}}")
    bridge.environment["T"] = "right"
    return bridge.start()


def test_a_token_that_is_no_text_is_not_let_in(guarded):
    for shown in (b"Bearer \xff\xfe", "Bearer é".encode(), b"Bearer \xc3\xa9 right"):
        assert guarded.http.post("/alertmanager", headers={"Authorization": shown}).status_code == 401
    guarded.stop()
    assert "Traceback" not in guarded.log.read_text()


@pytest.mark.parametrize("door", ["/alertmanager", "/peer"])
@pytest.mark.parametrize("token", ["", "Authorization: Bearer wrong\r\n"], ids=["no token", "a wrong token"])
def test_a_stranger_is_refused_before_the_body_comes(guarded, door, token):
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=ANSWER_SECONDS / 2) as client:
        client.sendall(f"POST {door} HTTP/1.1\r\nHost: b\r\n{token}Content-Length: 9\r\n\r\n".encode())
        refused = client.recv(1000)
        assert refused.startswith(b"HTTP/1.1 401")
        assert b"A token of `bridge.tokens` is needed." in refused
        client.sendall(b"{" * 9 + b"GET /health HTTP/1.1\r\nHost: b\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert guarded.series('bridge_webhooks_total{code="401"}') == (door == "/alertmanager")


@pytest.mark.parametrize(
    ("framing", "part"),
    [("Content-Length: 33000000", MEGABYTE), ("Transfer-Encoding: chunked", b"100000\r\n" + MEGABYTE + b"\r\n")],
    ids=["of known length", "in chunks"],
)
def test_a_stranger_s_body_is_never_held_in_memory(guarded, framing, part):
    before = peak_bytes(guarded.process.pid)
    with ExitStack() as stack:
        for _ in range(4):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", guarded.port), timeout=10))
            client.sendall(f"POST /alertmanager HTTP/1.1\r\nHost: b\r\n{framing}\r\n\r\n".encode())
            for _ in range(30):
                client.sendall(part)
        assert guarded.http.get("/health").status_code == 200
    assert peak_bytes(guarded.process.pid) - before < 20 * len(MEGABYTE)


def peak_bytes(pid) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_nobody_without_a_token_can_page_by_sending_too_much(guarded):
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        with suppress(httpx.TransportError):  # it is closed before all of it was sent
            guarded.http.post("/alertmanager", content=b"x" * 34_000_000, headers=headers)
    until(lambda: guarded.series('bridge_webhooks_total{code="413"}') == 2)
    assert guarded.series("bridge_dead_letters") == 0
    assert guarded.series("bridge_queue_events") == 0


def test_a_body_that_never_ends_is_given_up(bridge_of):
    bridge = bridge_of(events_url=NOBODY).start()
    with socket.create_connection(("127.0.0.1", bridge.port)) as client:
        client.sendall(b"POST /alertmanager HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\n{")
        client.settimeout(ANSWER_SECONDS * 2)
        assert client.recv(100).startswith(b"HTTP/1.1 503")


def test_a_bridge_without_a_peer_listens_to_none(bridge_of, standin):
    bridge = bridge_of().start()
    word = {"me": "x", "holder": "x", "term": 99, "marks": []}
    assert bridge.http.post("/peer", json=word).status_code == 404
    bridge.tell(alert())
    until(lambda: standin.state()["open_alerts"] == 1)


def test_what_is_no_word_of_a_bridge_is_refused(bridge_of):
    bridge = bridge_of(events_url=NOBODY, bridge=f'watchdog: 0s, peer: {{url: "{NOBODY}"}}').start()
    for body in (b"", b"garbage", b"[" * 100_000, b'{"me": 5}', b"\xff"):
        assert bridge.http.post("/peer", content=body).status_code == 400
    bridge.stop()
    assert "Traceback" not in bridge.log.read_text()
