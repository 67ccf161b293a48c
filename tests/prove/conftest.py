import pytest

from tests.faults.gateway import Casino


@pytest.fixture
def casino(tmp_path):
    casino = Casino(tmp_path)
    yield casino
    casino.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One gateway for all tests of a module."""
    casino = Casino(tmp_path_factory.mktemp("casino"))
    yield casino
    casino.stop()
