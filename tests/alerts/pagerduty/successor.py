"""The same way to PagerDuty over `pagerduty`, pdpyras' successor: it fits, should pdpyras have to go."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import httpx2
import pagerduty

from alerts.pagerduty.core.answer import Answer, Kind, answer_of


class _Traced(httpx2.HTTPTransport):
    """Tells of the sockets that are opened."""

    def __init__(self, tell: Callable[[str, dict], None]) -> None:
        super().__init__()
        self._tell = tell

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions = {**request.extensions, "trace": self._tell}
        return super().handle_request(request)


class SuccessorTransport:
    """One call, one answer; its own retries are off in the same way."""

    def __init__(self, url: str, *, call_seconds: float, silence_seconds: float) -> None:
        self._open: set[socket.socket] = set()
        self._client = pagerduty.EventsApiV2Client("not-told-to-pagerduty", transport=_Traced(self._trace))
        self._client._url = url  # it takes no address without TLS
        self._client.timeout = silence_seconds
        self._client.retry = dict.fromkeys((429, 500, 502, 503, 504), -2)
        self._client.max_network_attempts = 0
        self._call_seconds = call_seconds

    def send(self, endpoint: str, event: bytes) -> Answer:
        cut = threading.Event()
        clock = threading.Timer(self._call_seconds, self._cut, (cut,))
        clock.start()
        try:
            response = self._client.post(endpoint, content=event)
        except (pagerduty.Error, httpx2.HTTPError) as fault:
            response = getattr(fault, "response", None)
            if response is None:
                is_late = cut.is_set() or isinstance(fault.__cause__, httpx2.TimeoutException)
                return Answer(Kind.FAILED, "timeout" if is_late else "network")
        finally:
            clock.cancel()
        return answer_of(response.status_code, response.text, response.headers.get("Retry-After", ""))

    def close(self) -> None:
        self._client.close()
        for spare in self._open:
            spare.close()

    def _trace(self, event: str, about: dict) -> None:
        if event == "connection.connect_tcp.complete":
            self._open.add(about["return_value"].get_extra_info("socket").dup())

    def _cut(self, cut: threading.Event) -> None:
        cut.set()
        for spare in list(self._open):
            with suppress(OSError):
                spare.shutdown(socket.SHUT_RDWR)
