"""Clients that open a connection for each request are refused, too, when the queue of those to be accepted stands."""

import select
import socket
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from time import perf_counter
from types import SimpleNamespace

import pytest

from exporters.catalog.gateway import ACCEPTED, FAILURES, LOG_DROPPED, RESPONSES, SENT
from gateway.proxy.accept import _waited
from gateway.proxy.backlog import Backlog
from gateway.proxy.overload import BUSY_SECONDS, MEMORY_SECONDS, PATIENCE_SECONDS, RELIEF_SECONDS
from tests.proxy.data_plane import TRUSTED
from tests.proxy.laboratory import Laboratory
from tests.proxy.wire import Message, unseen
from tests.waiting import until

BATCH_SECONDS = 0.005
PATIENT_BATCHES = round(PATIENCE_SECONDS / BATCH_SECONDS)
RELIEF_BATCHES = round(RELIEF_SECONDS / BATCH_SECONDS)
LONG, BETWEEN = 2 * BUSY_SECONDS, (BUSY_SECONDS + RELIEF_SECONDS) / 2

WAITED = 0.3
CLIENTS, MOST_ROUNDS, MANY = 3_000, 10, 50
KEY = "the one that is known"
HEALTH = b"GET /.casino/health HTTP/1.1\r\nHost: a\r\n\r\n"


class Listener:
    """A listener's batches, each as long as `BATCH_SECONDS`, of which the worker has the CPU for the share told."""

    def __init__(self):
        self.now = self.consumed = 1.0
        self.backlog = Backlog(wall=lambda: self.now, cpu=lambda: self.consumed)

    def batches(self, count, waited, *, busy=1.0):
        """Accept so many batches, of whose last one each had waited so long; say before which of them it refused."""
        refused = []
        for _ in range(count):
            refused.append(self.backlog.refuses)
            self.now += BATCH_SECONDS
            self.consumed += busy * BATCH_SECONDS
            self.backlog.waited(waited)
        return refused

    def stand(self):
        while not self.backlog.refuses:
            self.batches(1, LONG)


def test_a_queue_that_stands_is_refused_once_patience_is_over_and_until_nobody_has_waited():
    listener = Listener()
    assert not any(listener.batches(PATIENT_BATCHES, LONG))
    assert all(listener.batches(100, LONG)[2:])
    listener.batches(1, 0)
    assert not listener.backlog.refuses


@pytest.mark.parametrize(
    ("waited", "busy"),
    [
        pytest.param(BUSY_SECONDS, 1.0, id="a short queue, however long it lasts"),
        pytest.param(LONG, 0.0, id="others had the CPU"),
    ],
)
def test_nobody_is_refused(waited, busy):
    assert not any(Listener().batches(1_000, waited, busy=busy))


def test_queues_that_pass_within_a_moment_refuse_nobody():
    listener = Listener()
    for _ in range(50):
        assert not any(listener.batches(PATIENT_BATCHES - 1, LONG) + listener.batches(1, 0))


def test_for_a_second_it_is_remembered_and_a_shorter_queue_is_long():
    listener = Listener()
    listener.stand()
    listener.batches(1, 0)
    assert not any(listener.batches(RELIEF_BATCHES + 1, BETWEEN))
    assert all(listener.batches(50, BETWEEN)[1:])
    listener.batches(1, 0)
    listener.now += MEMORY_SECONDS
    assert not any(listener.batches(PATIENT_BATCHES, LONG))


def test_silence_ends_a_queue_whose_last_one_came_with_a_full_batch():
    listener = Listener()
    listener.batches(2, LONG)
    listener.now += 3600
    listener.consumed += 1
    assert not any(listener.batches(PATIENT_BATCHES, LONG))


@pytest.fixture
def storm(gateway):
    """Ask on many new connections at once, and then the last ones, until many are refused; give all answers and theirs."""

    def ask(*last: bytes) -> tuple[list[Message], list[Message]]:
        answers: list[Message] = []
        for turn in range(MOST_ROUNDS):
            found = rush(gateway, turn, "", b"", last)
            answers += found[0]
            if sum(answer.one(b"connection") == b"close" for answer in answers) >= MANY:
                return answers, found[1]
        raise AssertionError("hardly anybody was refused")

    return ask


def rush(gateway, turn, listener, preface, last):
    """Ask on many new connections, all at once for the worker, and on some more; give the answers to both."""
    with gateway.still():
        crowd = [gateway.connect(listener, TRUSTED) for _ in range(CLIENTS)]
        for number, client in enumerate(crowd):
            client.send(preface + unseen(turn * CLIENTS + number, "/static"))
        others = [gateway.connect(listener, TRUSTED) for _ in last]
        for client, asked in zip(others, last, strict=True):
            client.send(preface + asked)
    answers, found = [client.message() for client in crowd], [client.message() for client in others]
    for client, answer in zip(crowd, answers, strict=True):
        assert answer.one(b"connection") is None or not client.was_reset()
    for client in crowd + others:
        client.close()
    return answers, found


def test_who_waited_is_refused_and_counted_as_on_any_connection(storm, gateway, configure):
    configure(rest="")
    kinds = {
        "responses": lambda: gateway.total(RESPONSES, route="static", code="503"),
        "failures": lambda: gateway.total(FAILURES, route="static", failure="overload"),
        "sent": lambda: gateway.total(SENT, route="static"),
        "accepted": lambda: gateway.total(ACCEPTED),
        "unlogged": lambda: gateway.total(LOG_DROPPED, reason="overload"),
    }
    before = {name: kind() for name, kind in kinds.items()}
    answers, _ = storm()
    added = {name: kind() - before[name] for name, kind in kinds.items()}
    refused = [answer for answer in answers if answer.failure == "overload"]
    assert {answer.status for answer in answers} == {203, 503}
    assert {answer.failure for answer in answers if answer.one(b"connection")} == {"overload"}
    assert added["responses"] == added["failures"] == len(refused) >= added["unlogged"] > 0
    assert added["sent"] == sum(len(answer.body) for answer in answers)
    assert added["accepted"] == len(answers)
    assert len({answer.one(b"x-request-id") for answer in refused}) == len(refused)


def test_health_and_callers_who_are_known_are_served_and_what_cannot_be_judged_unseen(storm, configure):
    configure(
        rest="",
        top=f"consumers: {{shop: {{keys: {sha256(KEY.encode()).hexdigest()}}}}}",
        routes="  static: {match: /static, answer: {status: 203}}\n"
        "  keyed: {match: /keyed, answer: {status: 200}, identity: key}",
    )
    _, answers = storm(
        HEALTH,
        b"GET /keyed HTTP/1.1\r\nHost: a\r\nX-API-Key: " + KEY.encode() + b"\r\n\r\n",
        b"POST /static HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
        b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /static HTTP/1.1\r\nHost: a b\r\n\r\n",
    )
    assert [answer.status for answer in answers] == [200, 200, 203, 400, 400]


def test_behind_a_proxy_header_nobody_is_refused_unread(gateway, configure):
    configure(rest="")
    answers, [health] = rush(gateway, 0, "proxy", b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n", [HEALTH])
    assert {answer.one(b"connection") for answer in answers} == {None}
    assert health.status == 200


@contextmanager
def queue(count, *, family=socket.AF_INET, asked=b"GET /static HTTP/1.1\r\n", late=b""):
    """A listening socket in whose backlog so many clients have asked, `WAITED` ago, and then have said this; and they."""
    with socket.socket(family) as listening, ExitStack() as clients:
        listening.bind(("127.0.0.1", 0) if family == socket.AF_INET else "")
        listening.listen(512)
        made = [clients.enter_context(socket.socket(family)) for _ in range(count)]
        for client in made:
            client.connect(listening.getsockname())
            client.sendall(asked)
        over = perf_counter() + WAITED
        until(lambda: perf_counter() > over)
        for client in made:
            client.sendall(late)
        yield listening, made


@pytest.mark.parametrize(
    ("family", "accepted"),
    [
        pytest.param(socket.AF_INET, 1 + 32, id="the queue stands"),
        pytest.param(socket.AF_UNIX, 1, id="nobody knows whether it does"),
    ],
)
def test_a_worker_that_holds_more_than_another_steps_back_unless_the_queue_stands(family, accepted, tmp_path):
    laboratory = Laboratory(tmp_path)
    with queue(100, family=family) as (listening, _):
        acceptor = laboratory.acceptor(listening, others=0)
        acceptor._take(0)
        assert laboratory.connections == 1
        acceptor._take(0)
        assert laboratory.connections == accepted
        laboratory.let_go(acceptor)
    laboratory.close()


def test_the_refused_hear_it_in_the_same_turn_and_the_next_one_takes_more(tmp_path):
    laboratory = Laboratory(tmp_path)
    with queue(200, asked=b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n") as (listening, clients):
        acceptor = laboratory.acceptor(listening, others=0)
        acceptor._backlog = SimpleNamespace(stands=True, refuses=True, waited=lambda _: None)
        answered = []
        for _ in range(2):
            acceptor._take(0)
            answered.append(len(select.select(clients, [], [], 0)[0]))
    assert answered == [32, 32 + 128]
    assert laboratory.connections == 0
    laboratory.close()


@pytest.mark.parametrize(
    ("late", "least", "most"),
    [pytest.param(b"", 0.9 * WAITED, 60, id="since"), pytest.param(b"X-A: 1\r\n", 0, 0.8 * WAITED, id="just now")],
)
def test_the_kernel_tells_how_long_ago_a_connection_said_something(late, least, most):
    with queue(1, late=late) as (listening, _), listening.accept()[0] as accepted:
        assert least <= _waited(accepted) < most


def test_where_the_kernel_does_not_tell_nobody_has_waited():
    ours, others = socket.socketpair()
    with others:
        assert _waited(ours) == 0
        ours.close()
        assert _waited(ours) == 0
