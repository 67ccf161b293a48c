"""Certificates are replaced under load: nobody is turned away, and whoever comes back resumes, on whatever worker."""

import contextlib
import os
import socket
import ssl
import time

import pytest

from gateway.store.slot import Word
from tests.authority import Authority
from tests.faults.returning import Returning
from tests.waiting import until

WORKERS = 4
SPEC = """
casino: 1
workers: {workers}
drain: {{grace: 0s, deadline: 8s}}
bounds: {{idle: 10m}}
log: {{to: {log}}}
listen:
  public: [{{address: "127.0.0.1:{port}", tls: {{certificates: [{{certificate: {cert}, key: {key}}}]}}}}]
  control: 127.0.0.1:{control}
routes: {{all: {{match: /**, answer: {{status: 200, body: ok}}}}}}
"""
GET = b"GET / HTTP/1.1\r\nHost: casino.test\r\nConnection: close\r\n\r\n"
RENEWED_SECONDS = 15.0


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "certs")


def start(casino, files, workers=WORKERS):
    text = SPEC.format(
        workers=workers,
        log=casino.log,
        port=casino.port,
        control=casino.control_port,
        cert=files.certificate,
        key=files.key,
    )
    casino.spec.write_text(text)
    casino.start()


def contexts(authority):
    versions = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
    return [authority.client(version=version) for version in versions * 2]


def resumed_share(counts):
    return counts[True] / max(1, counts.total())


@pytest.mark.proves(
    "4.4 certificates replaced 20 times under TLS load: 0 failed handshakes, >= 95 % resume on 4 workers"
)
@pytest.mark.timeout(300)
def test_replacing_certificates_costs_no_handshake_and_no_session(casino, authority, full, measured):
    times = 20 if full else 3
    start(casino, authority.issue("casino", "casino.test"))
    with Returning(casino.port, contexts(authority), GET, "casino.test") as clients:
        clients.grows(200)
        before = clients.counts()
        since = len(clients.visits)
        for number in range(1, times + 1):
            authority.issue("casino", "casino.test", days=(-1, 30 + number))
            until(lambda number=number: reloads(casino) >= WORKERS * number, seconds=RENEWED_SECONDS)
            clients.grows(50)
        clients.grows(200)
        after = clients.counts(since)
    served = {line.worker for line in casino.access()}
    measured |= {
        "replaced": times,
        "connections": len(clients.visits),
        "failed": len(clients.failures),
        "resumed before": f"{resumed_share(before):.1%}",
        "resumed while and after": f"{resumed_share(after):.1%}",
    }
    assert clients.failures == []
    assert reloads(casino, "refused") == 0
    assert len(served) == WORKERS
    assert resumed_share(before) >= 0.95
    assert resumed_share(after) >= 0.95
    assert casino.metric("gateway_tls_handshakes_total", result="resumed") >= 0.95 * (before + after).total()


def test_a_successor_of_a_killed_worker_resumes_too_and_shows_what_is_on_disk(casino, authority):
    start(casino, authority.issue("casino", "casino.test"))
    with Returning(casino.port, contexts(authority), GET, "casino.test") as clients:
        clients.grows(50)
        authority.issue("casino", "casino.test", days=(-1, 60))
        until(lambda: reloads(casino) >= WORKERS, seconds=RENEWED_SECONDS)
        ends = expiry(casino)
        assert [round((end - time.time()) / 86_400) for end in ends] == [60]
        for number in range(1, WORKERS + 1):
            casino.kill(f"worker-{number}")
            until(lambda number=number: casino.is_serving(f"worker-{number}"))
        until(lambda: expiry(casino) == ends, seconds=RENEWED_SECONDS)
        since = len(clients.visits)
        clients.grows(200)
        counts = clients.counts(since)
    assert resumed_share(counts) >= 0.95


def test_a_bad_pair_is_refused_by_all_and_costs_nothing(casino, authority):
    files = authority.issue("casino", "casino.test")
    start(casino, files)
    with Returning(casino.port, contexts(authority)[:2], GET, "casino.test") as clients:
        with open(files.key, "a") as key:  # noqa: PTH123 - truncated and written in place, as careless scripts do
            key.truncate(0)
        until(lambda: reloads(casino, "refused") >= WORKERS, seconds=RENEWED_SECONDS)
        clients.grows(50)
        authority.issue("casino", "casino.test")
        until(lambda: reloads(casino) >= WORKERS, seconds=RENEWED_SECONDS)
        clients.grows(50)
    assert clients.failures == []
    assert "certificate_refused" in casino.stderr.read_text()


def test_an_upgrade_costs_one_whole_handshake_and_no_failure(casino, authority):
    """A new build has keys of its own for sessions; clients that offer old ones are served all the same."""
    start(casino, authority.issue("casino", "casino.test"), workers=2)
    with Returning(casino.port, contexts(authority)[:2], GET, "casino.test") as clients:
        clients.grows(20)
        casino.start("--upgrade")
        assert casino.started[0].wait(20) == 0
        since = len(clients.visits)
        clients.grows(50)
        assert resumed_share(clients.counts(since)) >= 0.8
    assert clients.failures == []


@pytest.mark.proves("DESIGN 4: 10,000 idle TLS connections in <= 400 MB of a worker")
@pytest.mark.timeout(300)
def test_idle_connections_cost_little_memory(casino, authority, full, measured):
    count = 9_500 if full else 500
    start(casino, authority.issue("casino", "casino.test"), workers=1)
    context = authority.client()
    before = casino.rss_bytes("worker-1")
    with contextlib.ExitStack() as opened:
        for number in range(count):
            opened.enter_context(idle(casino.port, context, number))
        assert casino.slot("worker-1").words[Word.CONNECTIONS] == count
        each = (casino.rss_bytes("worker-1") - before) / count
    for_all = before + 10_000 * each
    measured |= {"bytes per connection": int(each), "MB for 10,000 with the worker": int(for_all / 1e6)}
    assert for_all <= 400e6


def idle(port, context, number):
    """Open a connection that has asked once. What Python keeps for its own end is given up: only the socket stays."""
    connected = socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.0.{2 + number % 50}", 0))
    client = context.wrap_socket(connected, server_hostname="casino.test")
    client.sendall(GET.replace(b"Connection: close\r\n", b""))
    assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
    kept = socket.socket(fileno=os.dup(client.fileno()))
    client.close()
    return kept


def reloads(casino, result="applied"):
    with contextlib.suppress(OSError):
        return casino.metric("gateway_certificate_reloads_total", result=result)
    return 0


def expiry(casino):
    return {casino.metric("gateway_certificate_expiry_timestamp_seconds", worker=str(n)) for n in range(1, WORKERS + 1)}
