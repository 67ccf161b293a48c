"""The upstreams that break things on purpose do so without breaking themselves."""

import socket
from contextlib import suppress

import pytest

from tests.faults.load import get
from tests.faults.upstreams import Peer, Upstream
from tests.waiting import PATIENCE_SECONDS, until


def ask(upstream, name):
    client = socket.create_connection(("127.0.0.1", upstream.port), PATIENCE_SECONDS)
    client.sendall(get(f"/{name}"))
    assert client.recv(100).startswith(b"HTTP/1.1 200")
    return client


@pytest.mark.parametrize("name", ["reset_within_the_body", "reset_instead_of_an_end", "end_early"])
def test_a_peer_that_leaves_before_it_is_cut_off_costs_no_error(name, caplog):
    with Upstream(**{name: getattr(Peer, name)}) as upstream:
        ask(upstream, name).close()
        until(lambda: not upstream.peers)
        with ask(upstream, name) as later, suppress(ConnectionResetError):
            while later.recv(100):
                pass
    assert [record.getMessage() for record in caplog.records] == []
