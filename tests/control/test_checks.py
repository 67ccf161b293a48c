import asyncio
import ssl
import subprocess

import pytest

from gateway.control.checks import Check, Result, run
from gateway.spec.upstream import Health, UpstreamTls
from tests.control.upstreams import upstream


def check(url, *, host="127.0.0.1", port=0, path="/health", tls=UpstreamTls(), timeout_seconds=5.0):  # noqa: B008 - frozen
    policy = Health(path=path, timeout_seconds=timeout_seconds)
    return asyncio.run(run(Check("dice", "v1", (url, host, port), policy, tls)))


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", Result.GOOD, id="200"),
        pytest.param(b"HTTP/1.0 204 No Content\r\n\r\n", Result.GOOD, id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200\r\n\r\n", Result.GOOD, id="no reason phrase"),
        pytest.param(b"HTTP/1.1 503 Busy\r\n\r\n", Result.STATUS, id="503"),
        pytest.param(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", Result.STATUS, id="redirects are not followed"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", Result.PROTOCOL, id="four digits"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", Result.PROTOCOL, id="another protocol"),
        pytest.param(b"HTTP/1.1 200 O", Result.PROTOCOL, id="ends in the status line"),
        pytest.param(b"x" * 100_000, Result.PROTOCOL, id="endless line"),
        pytest.param(b"", Result.PROTOCOL, id="closed without an answer"),
    ],
)
def test_the_status_decides(answer, result):
    with upstream() as server:
        server.answer = answer
        assert check(server.url, port=server.port) is result


def test_the_request_names_the_target_and_asks_to_close():
    with upstream() as server:
        check(server.url, port=server.port, path="/health?deep=1")
    head = server.requests[0].decode().split("\r\n")
    assert head[0] == "GET /health?deep=1 HTTP/1.1"
    assert {f"Host: 127.0.0.1:{server.port}", "Connection: close"} <= set(head)


def test_a_target_that_hangs_times_out():
    with upstream() as server:
        server.answer = None
        assert check(server.url, port=server.port, timeout_seconds=0.05) is Result.TIMEOUT


def test_nobody_there_is_a_failed_connection():
    with upstream() as server:
        port = server.port
    assert check(f"http://127.0.0.1:{port}", port=port) is Result.CONNECT


def test_without_a_path_a_connection_is_enough():
    with upstream() as server:
        server.answer = None
        assert check(server.url, port=server.port, path=None) is Result.GOOD


def test_unix_sockets_are_checked(tmp_path):
    path = tmp_path / "dice.sock"
    with upstream(unix=path) as server:
        assert check(f"unix:{path}", host=str(path)) is Result.GOOD
    assert b"Host: localhost" in server.requests[0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for dice.example, and its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "dice.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=dice.example"
    made = subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:dice.example", "-keyout", "-", "-out", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    file.write_bytes(made.stdout)
    return file


@pytest.mark.parametrize(
    ("name", "settings", "result"),
    [
        pytest.param("dice.example", {"ca": True}, Result.GOOD, id="trusted, right name"),
        pytest.param("other.example", {"ca": True}, Result.TLS, id="wrong name"),
        pytest.param(
            "other.example", {"ca": True, "server_name": "dice.example"}, Result.GOOD, id="name from the spec"
        ),
        pytest.param("dice.example", {}, Result.TLS, id="not trusted"),
        pytest.param("other.example", {"verify": False}, Result.GOOD, id="not verified because the spec says so"),
    ],
)
def test_tls_is_verified_by_name(certificate, name, settings, result):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if "ca" in settings:
        settings = {**settings, "ca": str(certificate)}
    with upstream(tls=context) as server:
        assert check(f"https://{name}", port=server.port, tls=UpstreamTls(**settings)) is result


def test_a_missing_authority_file_is_a_failed_check_not_a_fault():
    with upstream() as server:
        tls = UpstreamTls(ca="/nowhere/ca.pem")
        assert check(f"https://127.0.0.1:{server.port}", port=server.port, tls=tls) is Result.CONNECT
