"""TLS on real sockets: who is let in, what is agreed on, and that everything above it works as without."""

import ssl
from collections.abc import Iterator

import pytest

from tests.proxy.secure import SecureGateway
from tests.proxy.wire import Client, Upstream
from tests.waiting import until

GET_A = b"GET /any HTTP/1.1\r\nHost: a.test\r\n\r\n"


@pytest.fixture(scope="session")
def secure_place(tmp_path_factory) -> Iterator[SecureGateway]:
    upstream = Upstream()
    gateway = SecureGateway(tmp_path_factory.mktemp("secure"), upstream)
    yield gateway
    gateway.stop()
    upstream.socket.close()


@pytest.fixture
def secure(secure_place) -> Iterator[SecureGateway]:
    secure_place.lines()
    yield secure_place
    secure_place.upstream.hang_up()
    until(lambda: secure_place.upstream.hang_up() or not secure_place.held())
    assert secure_place.complaints() == ""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_request_and_its_answer_pass(secure, version):
    with secure.greet(context=secure.authority.client(version=version)).socket as connected:
        client = Client(connected)
        client.send(GET_A)
        secure.upstream.answer()
        assert client.message().status == 200
