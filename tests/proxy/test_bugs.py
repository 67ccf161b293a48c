"""What a bug costs: one request, answered and counted as the gateway's own fault, and nothing else.

The bugs are specs that nobody could have loaded.
"""

import json

import pytest
from msgspec.structs import replace

from exporters.catalog.gateway import FAILURES, NOT_APPLIED, UPSTREAM_REQUESTS
from gateway.spec.route import Rewrite
from gateway.store.slot import Slot
from tests.proxy.laboratory import End, Laboratory
from tests.proxy.wire import GET, OK
from tests.totals import read_totals
from tests.waiting import until

CALLED = GET.replace(b"any", b"old/x")
SLOW = "{connect: 10s, first_byte: 300ms, idle: 30s, total: 60s}"


def routed(spec, **changes):
    """Change the route of `CALLED`."""
    return replace(spec, routes={**spec.routes, "rewritten": replace(spec.routes["rewritten"], **changes)})


@pytest.mark.parametrize("body", [b"", b"hello"], ids=["no body", "a body under way"])
def test_a_request_that_meets_a_bug_is_a_500_of_the_gateway(body, faulty):
    faulty.publish(routed(faulty.spec(), rewrite=Rewrite(path="/new/{nobody}")))
    client = faulty.connect()
    answer = client.ask(CALLED.replace(b"\r\n\r\n", b"\r\nContent-Length: 10\r\n\r\n") + body if body else CALLED)
    assert (answer.status, answer.failure, answer.one(b"connection")) == (500, "internal", b"close")
    assert client.is_over()
    line = faulty.line()
    assert (line["http.response.status_code"], line["casino.failure"], line["casino.source"]) == (
        500,
        "internal",
        "gateway",
    )
    assert faulty.total(FAILURES, failure="internal") == 1
    assert "connection_crashed" in faulty.complaints()
    client.close()
    until(lambda: not faulty.held())


class Broken(End):
    """An end that no transport is like."""

    def write(self, _: bytes) -> None:
        raise ZeroDivisionError


def test_an_answer_that_meets_a_bug_is_no_fault_of_the_service(tmp_path, caplog):
    laboratory = Laboratory(tmp_path)
    body = b"x" * 40_000  # so large that it is written at once
    laboratory.play([GET], b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), Broken())
    (line,) = laboratory.lines
    assert (line["http.response.status_code"], line["casino.failure"]) == (200, "internal")
    assert "ZeroDivisionError" in caplog.text
    totals = read_totals([Slot.open(laboratory.surroundings.worker.path)])
    outcomes = {
        dict(labels)["outcome"]: n for (name, labels), n in totals.counters.items() if name == UPSTREAM_REQUESTS.name
    }
    assert outcomes["failure"] == 0
    laboratory.close()


def test_a_snapshot_that_cannot_be_served_leaves_the_last_one_whole(faulty):
    faulty.apply(timeouts=SLOW)
    broken = routed(faulty.spec(bounds="{target: 1B}"), to="nobody")
    faulty.publish(broken, wait=False)
    until(faulty.complaints)
    (told,) = map(json.loads, faulty.complaints().splitlines())
    about = ("event.action", "event.dataset", "process.name", "casino.document", "error.type")
    assert [told[name] for name in about] == [
        "document_not_applied",
        "casino.worker",
        "worker-1",
        "snapshot",
        "KeyError",
    ]
    assert "nobody" in told["error.stack_trace"]
    assert faulty.total(NOT_APPLIED, document="snapshot") == 1
    client = faulty.connect().send(GET)
    peer, _ = faulty.upstream.request()
    assert client.message().failure == "first_byte_timeout"
    assert peer.is_over()
    faulty.tell()
    assert len(faulty.complaints().splitlines()) == 1
    faulty.apply()
    client.send(GET)
    faulty.upstream.answer(OK)
    assert client.message().status == 200
    client.close()
