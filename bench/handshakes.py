"""Clients that make one TLS connection after the other: handshake, one GET, its answer, end.

Several processes on the generator's core keep a product busy. `python -m bench.handshakes PORT DIRECTORY full|resume` is
one of them: for each line with a number of seconds it makes connections for so long, and answers with a line of JSON.
"""

import ssl
import subprocess
import sys
import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Self

import msgspec

from bench.machine import pinned
from bench.openloop import percentile
from bench.product import HERE, SMALL
from bench.tls import HOST, client_context, connect

REQUEST = f"GET {SMALL} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nConnection: close\r\n\r\n".encode()
TIMEOUT_SECONDS = 5.0


class Handshakes(msgspec.Struct, frozen=True, kw_only=True):
    """What clients made. A connection counts when its GET was answered with 200."""

    seconds: float
    took: list[float]
    """Seconds from connect to the end of the answer, ascending."""
    resumed: int
    """Of those, with the session of an earlier one."""
    failed: int

    @property
    def connections(self) -> int:
        return len(self.took)

    @property
    def p50_seconds(self) -> float:
        return percentile(self.took, 0.5)

    @property
    def p99_seconds(self) -> float:
        return percentile(self.took, 0.99)


class Client:
    """One client; it keeps the latest session when it means to resume."""

    def __init__(self, port: int, directory: Path, *, resume: bool) -> None:
        self._port = port
        self._context = client_context(directory)
        self._resume = resume
        self._session: ssl.SSLSession | None = None

    def visit(self) -> bool:
        """Make one connection; say whether it resumed a session.

        Raises:
            OSError, http.client.HTTPException: it failed, spoke something else, or was not answered with 200.

        """
        plain = connect(self._port, TIMEOUT_SECONDS)
        with plain, self._context.wrap_socket(plain, server_hostname=HOST, session=self._session) as client:
            client.sendall(REQUEST)
            with HTTPResponse(client) as answer:
                answer.begin()
                answer.read()
            spoken = client.version(), client.selected_alpn_protocol()
            if answer.status != 200 or spoken != ("TLSv1.3", "http/1.1"):
                raise ConnectionError(f"{answer.status} over {spoken}")
            if self._resume and client.session is not None and client.session.has_ticket:
                self._session = client.session
            return bool(client.session_reused)

    def visit_for(self, seconds: float) -> Handshakes:
        took: list[float] = []
        resumed = failed = 0
        began = time.perf_counter()
        while (at := time.perf_counter()) < began + seconds:
            try:
                resumed += self.visit()
            except (OSError, HTTPException):
                failed += 1
            else:
                took.append(time.perf_counter() - at)
        return Handshakes(seconds=time.perf_counter() - began, took=took, resumed=resumed, failed=failed)


class Crew:
    """Clients, each in a process of its own on a core."""

    def __init__(self, port: int, directory: Path, *, clients: int, resume: bool, core: int) -> None:
        kind = "resume" if resume else "full"
        words = [sys.executable, "-m", "bench.handshakes", str(port), str(directory), kind]
        with pinned(core):
            self._clients = [
                subprocess.Popen(words, cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                for _ in range(clients)
            ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for client in self._clients:
            client.kill()
            client.communicate()

    def shake(self, seconds: float) -> Handshakes:
        """Let all of them connect for so long.

        Raises:
            ConnectionError: one of them has ended.

        """
        for client in self._clients:
            assert client.stdin is not None
            client.stdin.write(f"{seconds}\n".encode())
            client.stdin.flush()
        return together([heard(client) for client in self._clients])


def heard(client: subprocess.Popen[bytes]) -> Handshakes:
    assert client.stdout is not None
    line = client.stdout.readline()
    if not line:
        raise ConnectionError("a client of the TLS handshakes has ended")
    return msgspec.json.decode(line, type=Handshakes)


def together(parts: list[Handshakes]) -> Handshakes:
    """Add up what clients did at the same time."""
    return Handshakes(
        seconds=max(part.seconds for part in parts),
        took=sorted(took for part in parts for took in part.took),
        resumed=sum(part.resumed for part in parts),
        failed=sum(part.failed for part in parts),
    )


def main(words: list[str]) -> None:
    port, directory, kind = words
    client = Client(int(port), Path(directory), resume=kind == "resume")
    for line in sys.stdin:
        sys.stdout.write(msgspec.json.encode(client.visit_for(float(line))).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
