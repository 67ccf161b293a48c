"""What every way to PagerDuty must do: one call, one answer, in bounded time. Both libraries pass."""

import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

from alerts.pagerduty.bridge.transport import CHANGES, EVENTS, PdpyrasTransport
from alerts.pagerduty.core.answer import Kind
from alerts.pagerduty.core.event import Notice, change, notice, with_routing_key
from tests.alerts.pagerduty.running import KEY
from tests.alerts.pagerduty.successor import SuccessorTransport

EVENT = with_routing_key(notice(Notice(key="k", summary="s")), KEY)
CALL_SECONDS, SILENCE_SECONDS = 1.5, 1.0
PATIENT_SECONDS = 60.0
"""No answer is so late, however long the machine stalls."""
LATEST_SECONDS = 15
"""By which a call has ended that nobody answers, also where the machine stalls."""


@pytest.fixture(params=[PdpyrasTransport, SuccessorTransport], ids=["pdpyras", "pagerduty"])
def transport(request):
    """Make transports: those that are `hasty` give up soon."""
    made = []

    def make(url, *, hasty=False):
        call_seconds, silence_seconds = (CALL_SECONDS, SILENCE_SECONDS) if hasty else (PATIENT_SECONDS,) * 2
        made.append(request.param(url, call_seconds=call_seconds, silence_seconds=silence_seconds))
        return made[-1]

    yield make
    for each in made:
        each.close()


ANSWERS = {
    "429": (Kind.LIMITED, "429"),
    "500": (Kind.FAILED, "500"),
    "502": (Kind.FAILED, "502"),
    "503": (Kind.FAILED, "503"),
    "504": (Kind.FAILED, "504"),
    "302": (Kind.FAILED, "302"),
    "reset": (Kind.FAILED, "network"),
    "hang": (Kind.FAILED, "timeout"),
    "empty": (Kind.ACCEPTED, "202"),
    "html": (Kind.ACCEPTED, "202"),
    "taken_reset": (Kind.FAILED, "network"),
}


@pytest.mark.parametrize("fault", ANSWERS)
def test_every_fault_is_one_call_and_one_answer(transport, standin, fault):
    standin.fail({"kind": fault})
    began = time.monotonic()
    answer = transport(standin.url, hasty=fault == "hang").send(EVENTS, EVENT)
    assert (answer.kind, answer.reason) == ANSWERS[fault]
    assert len(standin.timeline(what="call")) == 1
    assert time.monotonic() - began < LATEST_SECONDS


def test_an_event_is_accepted_and_a_wrong_one_refused_with_the_reason(transport, standin):
    way = transport(standin.url)
    assert way.send(EVENTS, EVENT).kind is Kind.ACCEPTED
    assert way.send(CHANGES, with_routing_key(change(Notice(key="k", summary="s"), 1.0), KEY)).kind is Kind.ACCEPTED
    refused = way.send(EVENTS, with_routing_key(b'{"event_action":"trigger"}', KEY))
    assert refused.kind is Kind.REFUSED
    assert "payload" in refused.said


def test_nobody_there_is_an_answer_too(transport):
    assert transport("http://127.0.0.1:1").send(EVENTS, EVENT).reason == "network"


@contextmanager
def dripping():
    """A server that sends a byte now and then, and never an end."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        ended = threading.Event()

        def drip():
            connection, _ = server.accept()
            with connection:
                while not ended.wait(0.2):
                    try:
                        connection.send(b"H")
                    except OSError:
                        return

        dripper = threading.Thread(target=drip)
        dripper.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        ended.set()
        dripper.join()


def test_a_call_ends_in_time_though_a_byte_comes_now_and_then(transport):
    with dripping() as url:
        began = time.monotonic()
        assert transport(url, hasty=True).send(EVENTS, EVENT).reason == "timeout"
        assert time.monotonic() - began < LATEST_SECONDS
