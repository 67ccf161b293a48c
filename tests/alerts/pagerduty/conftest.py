import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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


class GatewayControl:
    """What the bridge reads of a gateway's control port."""

    def __init__(self) -> None:
        self.digest, self.version, self.asked = "one", "0.1.0", 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                build = f'casino_build_info{{version="{outer.version}"}} 1.0\n'
                config = json.dumps({"generation": 5, "digest": outer.digest, "spec": {}})
                self.send_response(200)
                self.end_headers()
                self.wfile.write((config if self.path == "/config" else build).encode())

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def gateway_control():
    control = GatewayControl()
    thread = threading.Thread(target=control.server.serve_forever)
    thread.start()
    yield control
    control.server.shutdown()
    control.server.server_close()
    thread.join()
