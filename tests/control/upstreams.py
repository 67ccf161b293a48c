"""Small scripted servers to be checked: plain sockets and threads, nothing that could be at fault itself."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Upstream:
    """Answers every connection with `answer`; None hangs. Remembers the requests."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self.answer: bytes | None = OK
        self.requests: list[bytes] = []
        self.port = 0 if listener.family == socket.AF_UNIX else listener.getsockname()[1]
        self._listener = listener
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(10)
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.add(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as channel:
                    self._answer(channel)
            else:
                self._answer(connection)
        self._open.discard(connection)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = connection.recv(4096)
            if not part:
                return
            head += part
        self.requests.append(head)
        if self.answer is None:
            connection.recv(1)
        else:
            connection.sendall(self.answer)


@contextmanager
def upstream(*, unix: Path | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Upstream]:
    """Serve one upstream while the context lasts."""
    family, address = (socket.AF_UNIX, str(unix)) if unix else (socket.AF_INET, ("127.0.0.1", 0))
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen()
        made = Upstream(listener, tls)
        try:
            yield made
        finally:
            made.close()
