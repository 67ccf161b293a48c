"""One worker process for all tests of a pytest process; after each test it must hold nothing any more."""

from collections.abc import Iterator

import pytest

from exporters.catalog.gateway import UPSTREAM_CONNECTS, UPSTREAM_REQUESTS
from gateway.store.process import Phase
from tests.proxy import limited as limited_routes
from tests.proxy.data_plane import Gateway, amount
from tests.proxy.secure import SecureGateway
from tests.proxy.wire import Client, Upstream
from tests.waiting import until


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Iterator[Gateway]:
    upstream = Upstream()
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), upstream)
    yield gateway
    gateway.stop()
    upstream.socket.close()


@pytest.fixture(scope="session")
def secure_place(tmp_path_factory) -> Iterator[SecureGateway]:
    upstream = Upstream()
    gateway = SecureGateway(tmp_path_factory.mktemp("secure"), upstream)
    yield gateway
    gateway.stop()
    upstream.socket.close()


@pytest.fixture
def secure(secure_place: SecureGateway) -> Iterator[SecureGateway]:
    """A gateway with TLS; when both ends have hung up, nothing may be left and nothing have crashed."""
    secure_place.lines()
    yield secure_place
    secure_place.hang_up()
    until(lambda: secure_place.upstream.hang_up() or not secure_place.held())
    assert secure_place.complaints() == ""


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    made: list[Client] = []
    yield made
    for client in made:
        client.close()


@pytest.fixture
def gateway(place: Gateway) -> Iterator[Gateway]:
    """The gateway, as every test finds it; when both ends have hung up, nothing may be left and nothing have crashed."""
    place.lines()
    before = place.complaints()
    yield place
    place.upstream.hang_up()
    until(lambda: place.upstream.hang_up() or not place.held())
    assert place.complaints() == before


@pytest.fixture
def faulty(tmp_path) -> Iterator[Gateway]:
    """A gateway of the test's own, which may complain; its service stands still."""
    upstream = Upstream()
    gateway = Gateway(tmp_path, upstream)
    yield gateway
    gateway.stop()
    upstream.hang_up()
    upstream.socket.close()


@pytest.fixture
def configure(gateway: Gateway) -> Iterator:
    """Change the spec for one test."""
    yield gateway.apply
    gateway.apply()
    gateway.phase(Phase.SERVING)


@pytest.fixture
def upstream(gateway: Gateway) -> Upstream:
    return gateway.upstream


@pytest.fixture
def untouched(gateway: Gateway) -> Iterator[None]:
    """Nothing of what the test sends may reach the upstream, not even a connection."""
    before = reached(gateway)
    yield
    assert reached(gateway) == before


def reached(gateway: Gateway) -> tuple[int, int]:
    totals = gateway.totals()
    return amount(totals, UPSTREAM_CONNECTS), amount(totals, UPSTREAM_REQUESTS)


@pytest.fixture
def connect(gateway: Gateway, clients: list[Client]):
    """Open connections to the gateway that are closed when the test is over."""

    def open_one(listener: str = "", source: str = "127.0.0.1") -> Client:
        clients.append(gateway.connect(listener, source))
        return clients[-1]

    return open_one


@pytest.fixture
def client(connect) -> Client:
    return connect()


@pytest.fixture
def limit_name() -> str:
    """Name a limit nobody has used yet."""
    return limited_routes.new_name()


@pytest.fixture
def limited(configure, limit_name: str):
    """Serve one limit, of each route or of all together."""

    def apply(limit: str, *, everywhere: bool = False, **more: str) -> None:
        configure(**limited_routes.parts(limit_name, limit, everywhere=everywhere) | more)

    return apply
