"""What a request takes out of a common store (a probe, a place in a pool) is given back, however the request ends."""

import pytest

from exporters.catalog.gateway import BREAKER_PROBES, UPSTREAM_IN_FLIGHT, UPSTREAM_REQUESTS
from gateway.core.snapshot import Endpoint, VersionState
from gateway.store.process import Phase
from gateway.store.slot import Word
from tests.proxy.data_plane import Gateway
from tests.proxy.wire import GET, OK, Upstream
from tests.waiting import until

POST = b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello"
UPGRADE = b"GET /socket/a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
PATIENT = "{connect: 10s, first_byte: 10s, idle: 10s, total: 20s}"
QUICK = "{connect: 1s, first_byte: 300ms, idle: 300ms, total: 600ms}"
OUTCOMES = ("success", "failure", "canceled")


def succeed(client, call) -> None:
    call.send(OK)
    client.message()


def fail(client, call) -> None:
    call.send(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    client.message()


def answer_early(client, call) -> None:
    call.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    client.message()


def talk_nonsense(client, call) -> None:
    call.send(b"nonsense\r\n\r\n")
    client.message()


def hang_up(client, call) -> None:
    call.close()
    client.message()


def cut_short(client, call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    client.through(b"hello")
    call.reset()
    client.rest()


def go_away(client, call) -> None:
    client.reset()
    call.rest()


def go_away_late(client, call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    client.through(b"hello")
    client.reset()
    call.rest()


def answer_late(client, call) -> None:
    client.message()


ENDS = [
    pytest.param(GET, succeed, "success", id="an answer"),
    pytest.param(GET, fail, "failure", id="a 500"),
    pytest.param(POST, answer_early, "success", id="an early answer"),
    pytest.param(GET, talk_nonsense, "failure", id="nonsense"),
    pytest.param(GET, hang_up, "failure", id="a service that hangs up"),
    pytest.param(GET, cut_short, "failure", id="an answer cut short"),
    pytest.param(GET, go_away, "canceled", id="a client that goes away"),
    pytest.param(POST, go_away, "canceled", id="a client that goes away within its body"),
    pytest.param(GET, go_away_late, "canceled", id="a client that goes away within the answer"),
    pytest.param(GET, answer_late, "failure", id="a timeout"),
]


def probes(gateway: Gateway) -> dict[str, int]:
    return {outcome: gateway.total(BREAKER_PROBES, outcome=outcome) for outcome in ("started", *OUTCOMES)}


@pytest.fixture
def timeouts(request) -> str:
    """Short ones where the call ends by them; elsewhere a machine that stalls must not end it."""
    late = getattr(request.node, "callspec", None) and request.node.callspec.params["end"] is answer_late
    return QUICK if late else PATIENT


@pytest.fixture
def half_open(configure, gateway, timeouts):
    """A breaker that lets one request through."""
    port = gateway.upstream.port
    endpoint = Endpoint(target=f"http://127.0.0.1:{port}", host="127.0.0.1", port=port, weight=1.0)
    configure(policies="breaker: {failures: 50%}", timeouts=timeouts)
    gateway.tell(v1=VersionState(endpoints=(endpoint,), breaker="half_open", deal=gateway.edition, allowances=(1,)))
    yield
    gateway.tell(v1=VersionState(endpoints=(endpoint,)))


@pytest.mark.usefixtures("half_open")
@pytest.mark.parametrize(("asked", "end", "outcome"), ENDS)
def test_a_probe_that_began_ends_once_with_its_outcome(asked, end, outcome, connect, gateway):
    before = probes(gateway)
    client = connect()
    client.send(asked)
    call = gateway.upstream.accept()
    call.through(b"\r\n\r\n")
    second = connect().ask(GET)
    assert (second.status, second.failure) == (503, "breaker_open")
    end(client, call)
    until(lambda: probes(gateway)["started"] == sum(probes(gateway)[each] for each in OUTCOMES))
    after = probes(gateway)
    assert {each for each in after if after[each] == before[each] + 1} == {"started", outcome}


@pytest.mark.usefixtures("half_open")
def test_a_probe_is_not_retried_and_a_refused_one_is_none(connect, gateway, upstream):
    connect().ask(b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n")
    before = probes(gateway)
    client = connect()
    client.send(GET)
    upstream.answer()
    assert client.message().status == 200
    assert probes(gateway)["started"] == before["started"] + 1


@pytest.mark.usefixtures("half_open")
def test_a_probe_that_opens_a_tunnel_has_passed_before_the_tunnel_ends(connect, gateway, upstream):
    before = probes(gateway)
    client = connect().send(UPGRADE)
    call, _ = upstream.request()
    call.send(SWITCH)
    assert client.message().status == 101
    passed = {"started": before["started"] + 1, "success": before["success"] + 1}
    assert probes(gateway) == before | passed
    client.close()
    assert call.is_over()
    until(lambda: gateway.total(UPSTREAM_IN_FLIGHT) == 0)
    assert probes(gateway) == before | passed


@pytest.fixture
def one_place(configure, timeouts):
    """A single connection: a place that is not given back stops everything."""
    configure(connections="{most: 1}", timeouts=timeouts)


@pytest.mark.usefixtures("one_place")
@pytest.mark.parametrize(("asked", "end", "outcome"), ENDS)
def test_a_call_that_ended_is_counted_once_and_gives_its_place_back(asked, end, outcome, connect, gateway):
    for _ in range(3):
        before = {each: gateway.total(UPSTREAM_REQUESTS, outcome=each) for each in OUTCOMES}
        client = connect()
        client.send(asked)
        call = gateway.upstream.accept()
        call.through(b"\r\n\r\n")
        end(client, call)
        until(lambda: gateway.total(UPSTREAM_IN_FLIGHT) == 0)
        after = {each: gateway.total(UPSTREAM_REQUESTS, outcome=each) for each in OUTCOMES}
        assert {each for each in after if after[each] != before[each]} == {outcome}
        gateway.upstream.hang_up()
        until(lambda: "gateway_upstream_connections" not in gateway.held())


@pytest.mark.usefixtures("one_place")
def test_a_call_under_way_is_counted_until_it_ends(connect, gateway):
    client = connect().send(GET)
    call, _ = gateway.upstream.request()
    assert gateway.total(UPSTREAM_IN_FLIGHT) == 1
    succeed(client, call)
    until(lambda: gateway.total(UPSTREAM_IN_FLIGHT) == 0)


def test_what_is_under_way_when_a_build_stops_has_a_line_each(faulty):
    clients = [faulty.connect().send(GET) for _ in range(3)]
    calls = [faulty.upstream.request() for _ in clients]
    faulty.supervisor.words[Word.PHASE] = Phase.STOP
    until(faulty.has_ended)
    assert [line["casino.failure"] for line in faulty.lines()] == ["client_closed"] * len(calls)
    for client in clients:
        client.close()


def test_a_build_that_closes_answers_what_it_has_begun_says_so_and_ends(tmp_path):
    upstream = Upstream()
    gateway = Gateway(tmp_path, upstream)
    resting, busy = gateway.connect(), gateway.connect()
    busy.send(GET + GET)
    call, _ = upstream.request()
    gateway.phase(Phase.CLOSING)
    call.send(OK)
    answer = busy.message()
    assert (answer.status, answer.one(b"connection")) == (200, b"close")
    assert busy.is_over()
    busy.close()
    resting.close()
    until(gateway.has_ended)
    assert gateway.complaints() == ""
    gateway.stop()
    upstream.hang_up()
    upstream.socket.close()
