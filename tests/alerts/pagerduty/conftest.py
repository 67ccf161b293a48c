from collections.abc import Iterator

import pytest

from tests.alerts.pagerduty.bridges import BridgeProcess
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


@pytest.fixture
def bridge_of(tmp_path, standin):
    """Make bridges that send to the stand-in; all end with the test."""
    made: list[BridgeProcess] = []

    def make(name: str = "bridge", *, events_url: str = standin.url, **about) -> BridgeProcess:
        made.append(BridgeProcess(tmp_path / name, events_url, **about))
        return made[-1]

    yield make
    for bridge in made:
        bridge.kill()
        bridge.http.close()
