"""What a reload or a new file changes about how upstreams are called holds for the next call."""

import ssl
from bisect import bisect_left

import pytest

from exporters.catalog.gateway import UPSTREAM_SECONDS
from tests.authority import Authority, replace
from tests.proxy.wire import GET, OK, Peer, Upstream
from tests.waiting import until

LAST = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
VAULT = b"GET /vault HTTP/1.1\r\nHost: a\r\n\r\n"


class Vault(Upstream):
    """A service that speaks TLS and asks who calls."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.names: list[str | None] = []
        self.show(authority)

    def show(self, authority: Authority) -> None:
        """Show a certificate of this authority from now on, and believe callers that show one of it."""
        pair = authority.issue("vault", "one.test", "two.test")
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_cert_chain(pair.certificate, pair.key)
        self._context.sni_callback = lambda _, name, __: self.names.append(name)

    def accept(self) -> Peer:
        peer = super().accept()
        peer.socket = self._context.wrap_socket(peer.socket, server_side=True)
        return peer


@pytest.fixture
def authority(tmp_path):
    authority = Authority(tmp_path)
    authority.issue("caller", "caller.test")
    return authority


@pytest.fixture
def vault(authority):
    vault = Vault(authority)
    yield vault
    vault.hang_up()
    vault.socket.close()


@pytest.fixture
def parts(authority, vault):
    """Parts of a spec that serves `/vault` by TLS under this name, and all else as ever."""

    def write(name="one.test"):
        folder = authority.folder
        tls = f"{{name: {name}, ca: {authority.file}, certificate: {folder}/caller.pem, key: {folder}/caller.key}}"
        return {
            "policies": f"\n  vault: {{versions: {{v1: ['https://127.0.0.1:{vault.port}']}}, tls: {tls}}}",
            "rest": "  vault: {match: /vault, to: vault}\n  all: {match: /**, to: game, body: 1MB}",
        }

    return write


@pytest.fixture
def serve(configure, parts):
    return lambda name="one.test": configure(**parts(name))


def called(client, vault, answer=OK):
    """Call the vault over a new connection; return the service's end of it."""
    client.send(VAULT)
    peer, _ = vault.request()
    peer.send(answer)
    assert client.message().status == 200
    return peer


def test_the_host_to_send_changes_with_a_reload(configure, client, upstream):
    client.send(GET)
    upstream.answer()
    client.message()
    configure(policies="host: target")
    client.send(GET)
    assert upstream.answer().one(b"host") == b"127.0.0.1:%d" % upstream.port
    assert client.message().status == 200


def test_the_name_to_verify_changes_with_a_reload_and_no_connection_is_left_of_the_old_one(serve, client, vault):
    serve("one.test")
    before = called(client, vault)
    serve("two.test")
    assert before.is_over()
    called(client, vault)
    assert vault.names == ["one.test", "two.test"]


def test_a_call_under_way_while_tls_changes_is_answered(serve, client, vault):
    serve("one.test")
    client.send(VAULT)
    peer, _ = vault.request()
    serve("two.test")
    peer.send(OK)
    assert client.message().status == 200
    assert peer.is_over()


def test_a_new_client_certificate_is_shown_without_a_reload(serve, client, vault, authority):
    serve()
    first = called(client, vault, LAST).socket.getpeercert()["serialNumber"]
    authority.issue("caller", "caller.test")
    assert until(lambda: called(client, vault, LAST).socket.getpeercert()["serialNumber"] != first)


def test_a_pair_that_cannot_be_used_leaves_the_last_good_one(faulty, parts, vault, authority):
    faulty.apply(**parts())
    client = faulty.connect()
    called(client, vault, LAST)
    replace(str(authority.folder / "caller.pem"), b"half a certif")
    assert until(lambda: called(client, vault, LAST) and "upstream_tls_refused" in faulty.complaints())
    authority.issue("caller", "caller.test")
    assert called(client, vault, LAST)
    client.close()


def test_new_authorities_are_believed_without_a_reload(serve, connect, vault, authority, tmp_path):
    serve()
    called(connect(), vault, LAST)
    other = Authority(tmp_path / "other")
    other.issue("caller", "caller.test")
    for name in ("caller.pem", "caller.key"):
        replace(str(authority.folder / name), (other.folder / name).read_bytes())
    replace(str(authority.file), other.file.read_bytes())
    vault.show(other)

    def is_believed():
        client = connect().send(VAULT)
        try:
            peer, _ = vault.request()
        except ssl.SSLError:
            return client.message().failure != "tls"
        peer.send(LAST)
        return client.message().status == 200

    assert until(is_believed)


def test_a_file_that_vanished_between_check_and_use_costs_its_upstream_alone(faulty, parts, vault, authority):
    spec, content = faulty.spec(**parts()), authority.file.read_bytes()
    authority.file.unlink()
    faulty.publish(spec)
    client = faulty.connect()
    assert client.ask(VAULT).failure == "tls"
    client.send(GET)
    faulty.upstream.answer()
    assert client.message().status == 200
    assert faulty.complaints().count("upstream_tls_refused") == 1
    replace(str(authority.file), content)
    until(lambda: client.ask(VAULT).failure != "tls")
    client.close()


def test_new_latency_buckets_hold_for_services_too(configure, client, gateway, upstream):
    def slow():
        """Answers in buckets whose upper edge is seconds away."""
        found = (each for (name, _), each in gateway.totals().histograms.items() if name == UPSTREAM_SECONDS.name)
        return sum(sum(each.counts[bisect_left(each.edges_seconds, 2.5) :]) for each in found)

    configure(metrics="{series: 20000, latency_buckets: [5s, 10s]}")
    before = slow()
    client.send(GET)
    upstream.answer()
    client.message()
    assert slow() == before + 1
