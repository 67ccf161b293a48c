from collections.abc import Iterator

import pytest

from tests.alerts.pagerduty.running import Running, running


@pytest.fixture(scope="session")
def standin_process() -> Iterator[Running]:
    with running("--adopt") as standin:
        yield standin


@pytest.fixture
def standin(standin_process: Running) -> Running:
    """One process for all tests; each finds it fresh. It takes any routing key that is well formed."""
    standin_process.clear()
    return standin_process
