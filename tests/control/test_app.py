import http.client
import os
import shutil
import socket
import threading

import pytest

from gateway.store.process import Phase
from gateway.store.slot import Word
from tests.control.conftest import SPEC
from tests.waiting import until


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/metrics", "/stats", "/config"])
def test_what_is_read_is_never_stored_and_has_a_head(control, path):
    until(lambda: control.ask("GET", "/ready").status == 200)
    whole, head = control.ask("GET", path), control.ask("HEAD", path)
    assert (whole.status, whole.headers["cache-control"]) == (200, "no-store")
    assert (head.status, head.body) == (200, b"")
    assert whole.body


def test_the_index_lists_every_endpoint(control):
    assert [path for path in control.ask("GET", "/").json if control.ask("GET", path).status == 404] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nothing", 404, id="unknown path"),
        pytest.param("POST", "/health", 405, id="wrong method"),
        pytest.param("GET", "/reload", 405, id="reload is not read"),
    ],
)
def test_errors_are_problem_documents(control, method, path, status):
    answer = control.ask(method, path)
    assert (answer.status, answer.json["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_a_wrong_method_is_told_the_right_ones(control):
    assert set(control.ask("POST", "/health").headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="rebound name"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, id="name that looks like an address"),
        pytest.param({"Origin": "https://evil.example"}, id="page of another site"),
        pytest.param({"Origin": "null"}, id="page without a site"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="fetch across sites"),
    ],
)
def test_pages_of_other_sites_are_refused(control, headers):
    assert control.ask("POST", "/reload", headers).status == 403
    assert control.ask("GET", "/config", headers).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:9080", "localhost:9080", "gateway:9080", "control.casino.svc:80"])
def test_programs_of_the_private_network_are_served(control, host):
    assert control.ask("GET", "/health", {"Host": host}).status == 200


def test_a_page_of_its_own_is_served(control):
    own = {"Host": "localhost:9080", "Origin": "http://localhost:9080", "Sec-Fetch-Site": "same-origin"}
    assert control.ask("GET", "/health", own).status == 200


def test_ready_needs_a_worker_that_beats_and_has_a_snapshot(control):
    until(lambda: control.ask("GET", "/ready").status == 200)
    for worker in control.workers:
        worker.stopped = True
    answer = until(lambda: (a := control.ask("GET", "/ready")).status == 503 and a)
    assert answer.json["reasons"] == ["no worker answers"]
    assert control.ask("GET", "/health").status == 200
    control.workers[0].stopped = False
    until(lambda: control.ask("GET", "/ready").status == 200)


def test_ready_says_no_from_the_first_moment_of_a_drain(control):
    until(lambda: control.ask("GET", "/ready").status == 200)
    control.supervisor.words[Word.PHASE] = Phase.LAME
    answer = control.ask("GET", "/ready")
    assert answer.status == 503
    assert answer.json["reasons"] == ["draining: new connections are still served, send no more"]


def test_no_worker_with_a_snapshot_no_readiness(rig):
    control = rig(SPEC)
    for worker in control.workers:
        worker.stopped = True
        worker.slot.words[Word.HEARTBEAT] += 10**12
    assert control.start().ask("GET", "/ready").status == 503


def test_config_shows_the_spec_as_it_is_written(control):
    shown = control.ask("GET", "/config").json
    assert shown["generation"] == 1
    assert shown["spec"]["upstreams"]["dice"]["timeouts"]["first_byte"] == 15
    assert shown["path"] == str(control.spec_path)


def test_config_hides_the_credentials_of_header_rules(rig):
    control = rig(
        SPEC.replace("to: dice}", "to: dice, headers: {request: {set: {Authorization: Bearer s3cret, X-Stage: prod}}}}")
        + "  closed: {match: /closed, answer: {status: 200, headers: {Set-Cookie: id=s3cret}}}\n"
    ).start()
    answer = control.ask("GET", "/config")
    assert b"s3cret" not in answer.body
    assert answer.json["spec"]["routes"]["roll"]["headers"]["request"]["set"] == {
        "Authorization": "***",
        "X-Stage": "prod",
    }


def test_config_hides_the_credentials_of_conditions(rig):
    secret = "{exact: s3cret}"
    when = f"{{header: {{authorization: {secret}, X-Own-Key: {{prefix: s3cret}}, X-Beta: yes}}, cookie: {{id: {{regex: s3cret}}}}}}"
    control = rig(
        SPEC.replace("to: dice}", f"to: dice, split: [{{version: v1, when: {when}}}, {{version: v1, weight: 100%}}]}}")
        + f"  closed: {{match: {{path: /closed, when: {when}}}, answer: {{status: 200}}}}\n"
        + "identity: {key_header: X-Own-Key}\n"
    ).start()
    answer = control.ask("GET", "/config")
    assert b"s3cret" not in answer.body
    routes = answer.json["spec"]["routes"]
    for shown in (routes["roll"]["split"][0]["when"], routes["closed"]["match"][0]["when"]):
        assert {name: test["exact"] for name, test in shown["header"].items()} == {
            "authorization": "***", "X-Own-Key": None, "X-Beta": "yes",
        }  # fmt: skip
        assert (shown["header"]["X-Own-Key"]["prefix"], shown["cookie"]["id"]["regex"]) == ("***", "***")


def test_a_request_larger_than_any_real_one_is_refused(control):
    assert 400 <= control.ask("GET", "/" + "x" * 20_000).status < 500


def test_a_build_that_ends_without_a_successor_answers_to_the_last(control):
    control.supervisor.words[Word.PHASE] = Phase.CLOSING
    answer = until(lambda: (a := control.ask("GET", "/ready")).status == 503 and a)
    assert answer.json["reasons"] == ["draining: no new connections"]
    assert control.ask("GET", "/metrics").status == 200


def test_a_build_whose_run_directory_was_deleted_answers_to_the_last(control):
    shutil.rmtree(control.run.path)
    control.supervisor.words[Word.PHASE] = Phase.CLOSING
    answer = until(lambda: (a := control.ask("GET", "/ready")).status == 503 and a)
    assert answer.json["reasons"] == ["draining: no new connections"]
    assert control.ask("GET", "/metrics").status == 200
    control.stop()


def test_a_replaced_build_leaves_the_port_to_its_successor(control):
    kept = http.client.HTTPConnection("127.0.0.1", control.port, timeout=5)
    kept.request("GET", "/health")
    kept.getresponse().read()
    _, held = control.run.new_build()
    control.supervisor.words[Word.PHASE] = Phase.CLOSING
    assert kept.sock.recv(1) == b""
    kept.close()
    with socket.create_connection(("127.0.0.1", control.port)) as unanswered:
        unanswered.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        control.stop()
        unanswered.setblocking(False)
        with pytest.raises(BlockingIOError):
            unanswered.recv(1)
    os.close(held.descriptor)


def test_a_new_build_beside_an_old_one_answers_only_once_it_is_ready(rig):
    control = rig(SPEC, old_build=True)
    for worker in control.workers:
        worker.stopped = True
    asking = threading.Thread(target=control.start)
    asking.start()
    until(lambda: control.control.words[Word.HEARTBEAT] != control.control.words[Word.STARTED])
    with socket.create_connection(("127.0.0.1", control.port)) as waiting:
        waiting.sendall(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        waiting.setblocking(False)
        with pytest.raises(BlockingIOError):
            waiting.recv(1)
        for worker in control.workers:
            worker.stopped = False
        waiting.settimeout(5)
        assert waiting.recv(12) == b"HTTP/1.1 200"
    asking.join()
