"""Mutual TLS of the port, and the ping that tells somebody outside that all is well."""

import sqlite3
import ssl

import httpx
import pytest
import trustme

from tests.alerts.pagerduty.bridges import alert, webhook
from tests.waiting import until

NOBODY = "http://127.0.0.1:1"


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
