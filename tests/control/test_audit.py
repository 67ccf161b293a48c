"""The audit log of control: complete, free of secrets, and in nobody's way."""

import json
import os
import socket

import pytest

from exporters.catalog.gateway import CONTROL_AUDIT_LINES
from gateway.control.access import Refusals
from gateway.store.slot import Word
from tests.control.guarded import OPERATE, READ, RELAYED, bearer
from tests.waiting import until


def test_every_refused_and_every_changing_call_has_its_line(place):
    place.ask("POST /reload")
    place.ask("POST /reload", RELAYED, bearer(OPERATE))
    place.ask("POST /reload?token=secret", RELAYED, bearer(READ))
    place.ask(f"GET /metrics?access_token={READ}", RELAYED, bearer("wrong-" + "w" * 40))
    place.ask("GET /config", host="evil.example")
    place.ask("DELETE /nothing", RELAYED, bearer(OPERATE))
    place.rig.write_spec("casino: nonsense")
    place.ask("POST /reload", RELAYED, bearer(OPERATE))
    place.ask("GET /metrics", RELAYED, bearer(READ))
    common = {"event.dataset": "casino.audit", "source.ip": "127.0.0.1"}
    refused, asked = (
        common | {"event.action": "refused", "event.outcome": "failure"},
        common | {"http.request.method": "POST"},
    )
    deploy = {"user.name": "deploy"}
    reload = {"event.action": "POST /reload", "url.path": "/reload"}
    assert [{name: value for name, value in line.items() if name != "@timestamp"} for line in place.lines()] == [
        asked | reload | {"event.outcome": "success", "http.response.status_code": 200},
        asked | reload | deploy | {"event.outcome": "success", "http.response.status_code": 200},
        refused | {"http.request.method": "POST", "url.path": "/reload", "http.response.status_code": 403,
                   "event.reason": "forbidden", "user.name": "prometheus"},
        refused | {"http.request.method": "GET", "url.path": "/metrics", "http.response.status_code": 401,
                   "event.reason": "unauthenticated"},
        refused | {"http.request.method": "GET", "url.path": "/config", "http.response.status_code": 403,
                   "event.reason": "foreign"},
        common | deploy | {"http.request.method": "DELETE", "event.action": "DELETE /nothing", "url.path": "/nothing",
                           "event.outcome": "failure", "http.response.status_code": 404},
        asked | reload | deploy | {"event.outcome": "failure", "http.response.status_code": 422},
    ]  # fmt: skip
    assert place.total(CONTROL_AUDIT_LINES, result="written") == 7
    written = place.audit_log.read_text()
    for secret in (READ, OPERATE, "www", "secret", "access_token"):
        assert secret not in written


def test_its_file_is_for_its_owner_alone(place):
    place.ask("POST /reload")
    assert place.audit_log.stat().st_mode & 0o777 == 0o600


def test_every_call_is_counted_by_what_became_of_it(place):
    before = place.total(role="read", result="unauthenticated")
    place.ask("GET /metrics", RELAYED)
    assert place.total(role="read", result="unauthenticated") == before + 1
    place.ask("POST /reload", RELAYED, bearer(READ))
    assert place.total(role="operate", result="forbidden") == 1
    place.ask("POST /reload", host="evil.example")
    assert place.total(role="operate", result="foreign") == 1
    place.ask("POST /reload", RELAYED, bearer(OPERATE))
    assert place.total(role="operate", result="allowed") == 1


def test_refusals_beyond_the_rate_are_folded_into_few_lines(place):
    for _ in range(Refusals.AT_ONCE + 30):
        place.ask("GET /metrics", RELAYED)
    lines = place.lines()
    assert Refusals.AT_ONCE < len(lines) < Refusals.AT_ONCE + 30
    told = next(line for line in lines if line["event.reason"] == "limited")
    assert told["http.response.status_code"] == 429

    def folded():
        place.ask("GET /metrics", RELAYED)
        return sum(line.get("casino.folded", 0) for line in place.lines())

    assert until(folded) > 0


def test_the_log_follows_a_file_that_was_moved_away(place):
    place.ask("POST /reload")
    moved = place.audit_log.rename(place.folder / "audit.1")
    place.ask("POST /reload")
    assert (len(moved.read_text().splitlines()), place.lines()) == (2, [])
    place.rig.supervisor.words[Word.REOPENS] += 1
    place.ask("POST /reload")
    assert (len(moved.read_text().splitlines()), len(place.lines())) == (2, 1)


def test_a_reload_moves_the_log(place):
    other = place.folder / "other.log"
    place.rig.write_spec(place.spec(str(other)))
    place.ask("POST /reload")
    assert [json.loads(line)["event.action"] for line in other.read_text().splitlines()] == ["POST /reload"]


@pytest.mark.parametrize("where", ["full", "missing/audit.log", "folder", "pipe"])
def test_a_log_that_cannot_be_written_stops_no_call(place, where, capfd):
    if where == "full":
        (place.folder / where).symlink_to("/dev/full")
    elif where == "folder":
        (place.folder / where).mkdir()
    elif where == "pipe":
        os.mkfifo(place.folder / where)
    place.rig.write_spec(place.spec(str(place.folder / where)))
    for _ in range(2):
        assert place.ask("POST /reload").status == 200
    assert place.ask("GET /metrics", RELAYED).status == 401
    assert place.total(CONTROL_AUDIT_LINES, result="lost") == 3
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "casino" in line]
    assert [line["event.action"] for line in told if line.get("event.dataset") == "casino.audit"] == [
        "POST /reload", "POST /reload", "refused",
    ]  # fmt: skip


def test_a_client_that_leaves_has_its_line_all_the_same(place):
    lines = len(place.lines())
    for worker in place.rig.workers:
        worker.stopped = True  # so the reload waits for them, and its client does not
    place.rig.write_spec(place.spec().replace("7002", "7003"))
    connected = socket.create_connection(("127.0.0.1", place.rig.port))
    connected.sendall(b"POST /reload HTTP/1.1\r\nHost: localhost\r\n\r\n")
    until(lambda: place.total(role="operate", result="allowed") == 1)
    connected.close()
    (line,) = until(lambda: place.lines()[lines:])
    assert (line["event.action"], line["event.outcome"]) == ("POST /reload", "failure")
    assert line["http.response.status_code"] == 499
    for worker in place.rig.workers:
        worker.stopped = False
    until(lambda: place.rig.ask("GET", "/config").json["generation"] > 1)
