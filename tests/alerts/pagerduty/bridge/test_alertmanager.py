"""However an Alertmanager answers, who waits for what it says does not wait for longer than stated."""

import socket
import threading
import time

import pytest

from alerts.pagerduty.bridge.alertmanager import ANSWER_SECONDS
from tests.alerts.pagerduty.bridges import alert
from tests.waiting import until

DRIP_SECONDS = 0.1
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: 2\r\n\r\n[]"
DRIPS = {
    "in its head": (HEAD + b"X: ", b""),
    "in the list of alerts": (HEAD + b"Content-Length: 100000\r\n\r\n[", b""),
    "in its status": (HEAD + b"Content-Length: 100000\r\n\r\n{", WHOLE),
}


class Dripping:
    """An Alertmanager whose answer to the first question is `first`, if any; the next one begins and never ends."""

    def __init__(self, begins: bytes, first: bytes) -> None:
        self._begins, self._first = begins, first
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DRIP_SECONDS)
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._answer, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            client.settimeout(DRIP_SECONDS)
            try:
                for answer in filter(None, (self._first, self._begins)):
                    while not self._over.is_set() and not self._hears(client):
                        pass
                    client.sendall(answer)
                while not self._over.wait(DRIP_SECONDS):
                    client.sendall(b" ")
            except OSError:
                return

    def _hears(self, client: socket.socket) -> bool:
        try:
            heard = client.recv(65536)
        except TimeoutError:
            return False
        if not heard:
            raise ConnectionResetError
        return True


@pytest.fixture
def dripping():
    made = []

    def make(begins, first):
        made.append(Dripping(begins, first))
        return made[-1].url

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(("begins", "first"), DRIPS.values(), ids=DRIPS)
def test_a_page_waits_for_alertmanagers_that_drip_no_longer_than_stated(bridge_of, standin, dripping, begins, first):
    """A trigger told after its end goes out once it is known, or cannot be known, whether the alert still fires."""
    two = '", "'.join(dripping(begins, first) for _ in range(2))
    running = bridge_of(alertmanager=two, bridge="watchdog: 0s, reconcile: 1h").start()
    began = time.time()
    running.tell(alert(starts=began))
    until(lambda: standin.state()["open_alerts"] == 1)
    running.tell(alert(starts=began, ends=time.time()))
    until(lambda: standin.state()["open_alerts"] == 0)
    asked = time.monotonic()
    running.tell(alert(starts=began))
    until(lambda: standin.state()["open_alerts"] == 1)
    assert time.monotonic() - asked < ANSWER_SECONDS * 2
    assert running.log.read_text().count("no whole answer within 5 s") == 2
    running.stop()
