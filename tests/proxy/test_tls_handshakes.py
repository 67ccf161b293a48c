"""Handshakes that stall, fail, or come by the hundred: they end in time, are counted, and cost others nothing."""

import contextlib
import ssl
import time

import pytest

from exporters.catalog.gateway import REFUSED
from tests.proxy.secure import HANDSHAKE_SECONDS
from tests.proxy.wire import GET
from tests.waiting import until

HEALTH = b"GET /.casino/health HTTP/1.1\r\nHost: a.test\r\n\r\n"


LATEST_SECONDS = 5
"""By which the deadline of a handshake has ended it, also where the machine stalls; every other deadline is later."""


def ended_in_time(client, begun) -> bool:
    """Wait for the gateway to cut it off, by its own clock and not by another deadline."""
    client.rest()
    return HANDSHAKE_SECONDS - 0.1 < time.monotonic() - begun < LATEST_SECONDS


def test_silence_ends_with_the_deadline(secure):
    begun = time.monotonic()
    assert ended_in_time(secure.dial("hasty"), begun)
    until(lambda: not secure.connections)


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0], ids=["a few bytes", "half a hello", "a hello and no more"])
def test_a_stall_ends_with_the_deadline(secure, share):
    before = secure.handshakes("timeout")
    hello = secure.hello()
    begun = time.monotonic()
    assert ended_in_time(secure.dial("hasty").send(hello[: max(1, int(len(hello) * share))]), begun)
    assert secure.handshakes("timeout") == before + 1


def test_the_deadline_is_absolute(secure):
    """A byte now and then puts nothing off."""
    begun = time.monotonic()
    client = secure.dial("hasty")
    with contextlib.suppress(ConnectionError):
        for byte in secure.hello():
            client.send(bytes((byte,)))
            client.socket.settimeout(0.02)
            with contextlib.suppress(TimeoutError):
                if not client.more():
                    break
    assert time.monotonic() - begun < LATEST_SECONDS


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(GET, id="plain HTTP"),
        pytest.param(b"\x16\x03\x01\x00\x05hello", id="a record that is none"),
        pytest.param(b"\x00" * 100_000, id="zeros"),
        pytest.param(b"SSH-2.0-client\r\n", id="another protocol"),
        pytest.param(b"\x16\x03\x01\xff\xff" + b"\x01" * 70_000, id="a record that is too long"),
    ],
)
def test_what_is_no_handshake_is_refused_and_counted(secure, said):
    before = secure.handshakes("refused")
    client = secure.dial()
    with contextlib.suppress(ConnectionError):
        client.send(said)
        client.rest()
    until(lambda: secure.handshakes("refused") > before)
    until(lambda: not secure.connections)
    assert secure.handshakes("refused") == before + 1


def test_a_client_that_leaves_in_the_middle_is_counted(secure):
    before = secure.handshakes("left")
    client = secure.dial().send(secure.hello())
    assert client.more()
    client.close()
    until(lambda: secure.handshakes("left") == before + 1)


def test_a_probe_of_the_port_is_no_failed_handshake(secure):
    before = secure.handshakes("left")
    secure.dial().close()
    assert secure.greet().ask(HEALTH).status == 200
    assert secure.handshakes("left") == before


def test_a_client_that_does_not_trust_us_costs_nothing(secure):
    for _ in range(20):
        with pytest.raises(ssl.SSLCertVerificationError):
            secure.greet(context=secure.others.client())
    secure.hang_up()
    until(lambda: not secure.connections)


def test_hundreds_of_stalled_handshakes_leave_traffic_alone(secure):
    """Neither connections that are open nor new ones notice 400 that stopped half way."""
    refused = secure.total(REFUSED)
    established = secure.greet(listener="modern")
    assert established.ask(HEALTH).status == 200
    hello = secure.hello()
    stalled = [secure.dial("modern").send(hello) for _ in range(400)]
    waits = []
    for _ in range(100):
        begun = time.monotonic()
        assert established.ask(HEALTH).status == 200
        waits.append(time.monotonic() - begun)
    assert secure.greet(listener="modern").ask(HEALTH).status == 200
    assert sorted(waits)[50] < 0.1
    assert secure.total(REFUSED) == refused
    for client in stalled:
        client.close()
    until(lambda: secure.connections == 2)


def test_a_crowd_of_handshakes_costs_the_oldest(secure):
    """Beyond the bound the one that has waited longest is given up, never the newest."""
    before = secure.handshakes("crowded")
    hello = secure.hello()
    crowd = [secure.dial("modern").send(hello) for _ in range(2_100)]
    assert secure.greet(listener="modern").ask(HEALTH).status == 200
    assert secure.handshakes("crowded") == before + 2_101 - 2_000
    for client in crowd:
        client.close()
    until(lambda: secure.connections == 1)
