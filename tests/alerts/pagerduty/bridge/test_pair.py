"""Two bridges beside one or two Alertmanagers: one sends, the other takes over, and every alert has one incident."""

import random
import time

import httpx
import pytest
import trustme

from tests.alerts.pagerduty.bridges import alert
from tests.alerts.pagerduty.story import calls_by_key, incidents_by_key
from tests.ports import free_port
from tests.waiting import until

TAKE_OVER_SECONDS = 30


@pytest.fixture
def pair(bridge_of):
    """Two bridges that know each other."""
    ports = free_port(), free_port()
    made = [
        bridge_of(name, port=port, bridge=f'watchdog: 0s, peer: {{url: "http://127.0.0.1:{other}"}}')
        for name, port, other in (("one", ports[0], ports[1]), ("two", ports[1], ports[0]))
    ]
    for each in made:
        each.begin()
    for each in made:
        until(each.answers)
    return made


def senders(pair):
    return [each for each in pair if each.process.poll() is None and each.series("bridge_sending") == 1]


def the_sender(pair):
    (one,) = until(lambda: len(found := senders(pair)) == 1 and found, seconds=TAKE_OVER_SECONDS)
    return one


@pytest.mark.timeout(180)
@pytest.mark.proves("5.4 a pair of bridges: one sends, the other takes over within 30 s, one incident for each alert")
def test_the_other_takes_over_and_sends_nothing_twice(pair, standin, full, measured):
    first = the_sender(pair)
    (second,) = [each for each in pair if each is not first]
    starts = {number: time.time() for number in range(20)}
    tell_both(pair, starts, range(10))
    until(lambda: standin.state()["open_alerts"] == 10)
    until(lambda: second.series("bridge_queue_events") == 0)
    first.kill()
    died = time.monotonic()
    tell_both([second], starts, range(10, 20))
    until(lambda: standin.state()["open_alerts"] == 20, seconds=TAKE_OVER_SECONDS)
    measured |= {"seconds to take over": round(time.monotonic() - died, 1)}
    tell_both([second], starts, range(20), over=True)
    until(lambda: standin.state()["open_alerts"] == 0)
    assert set(calls_by_key(standin).values()) == {"tr"}
    assert set(incidents_by_key(standin).values()) == {1}


@pytest.mark.timeout(180)
def test_one_that_comes_back_hears_what_was_sent_while_it_was_away(pair, standin):
    first = the_sender(pair)
    (second,) = [each for each in pair if each is not first]
    second.kill()
    starts = {number: time.time() for number in range(5)}
    tell_both([first], starts, range(5))
    until(lambda: standin.state()["open_alerts"] == 5)
    second.start()
    until(lambda: second.series("bridge_open_incidents") == 5)
    first.kill()
    tell_both([second], starts, range(5), over=True)
    until(lambda: standin.state()["open_alerts"] == 0, seconds=TAKE_OVER_SECONDS)
    assert set(incidents_by_key(standin).values()) == {1}


@pytest.mark.timeout(180)
def test_what_only_the_other_was_told_of_is_sent_all_the_same(pair, standin):
    first = the_sender(pair)
    (second,) = [each for each in pair if each is not first]
    second.tell(alert())
    until(lambda: standin.state()["open_alerts"] == 1, seconds=TAKE_OVER_SECONDS)
    assert first.process.poll() is None
    until(lambda: second.series("bridge_queue_events") == 0)


def tell_both(bridges, starts, numbers, *, over=False):
    """Tell each bridge of alerts, in another order each, and one of them twice."""
    for bridge in (*bridges, bridges[0]):
        for number in random.sample(list(numbers), len(numbers)):
            ends = starts[number] + 1 if over else 0.0
            assert bridge.tell(alert(number=str(number), starts=starts[number], ends=ends)).status_code == 200


def test_each_of_a_pair_shows_the_other_the_certificate_of_its_callers(bridge_of, tmp_path, standin):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("127.0.0.1", "callers.example"):
        authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(tmp_path / f"{name}.pem"))
    own = tmp_path / "127.0.0.1.pem"
    guarded = (
        f"watchdog: 0s, tls: {{certificate: {own}, key: {own}, clients: {tmp_path}/ca.pem}}, "
        f"callers: {{certificate: {tmp_path}/callers.example.pem}}"
    )
    ports = free_port(), free_port()
    for name, port, other in (("one", ports[0], ports[1]), ("two", ports[1], ports[0])):
        peer = f"peer: {{url: 'https://127.0.0.1:{other}', ca: {tmp_path}/ca.pem}}"
        bridge_of(name, port=port, bridge=f"{guarded}, {peer}").begin()
    context = httpx.create_ssl_context(verify=False)
    context.load_cert_chain(tmp_path / "callers.example.pem")
    with httpx.Client(verify=context) as http:
        assert until(lambda: sum(hears_the_other(http, port) for port in ports) == 1, seconds=TAKE_OVER_SECONDS)


def hears_the_other(http, port: int) -> bool:
    """Whether this one sends, and the other one answers it."""
    try:
        lines = http.get(f"https://127.0.0.1:{port}/metrics").text.splitlines()
    except httpx.HTTPError:
        return False
    return {"bridge_sending 1.0", "bridge_peer_up 1.0"} <= {*lines}
