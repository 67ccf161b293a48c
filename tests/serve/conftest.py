import pytest

from tests.serve.running import Gateway, Load


@pytest.fixture
def gateway(tmp_path):
    gateway = Gateway(tmp_path)
    yield gateway
    gateway.stop()


@pytest.fixture
def load():
    return Load
