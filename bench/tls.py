"""The clients' side of TLS: version 1.3 and HTTP/1.1 by ALPN, from everybody and of every product."""

import socket
import ssl
from pathlib import Path

HOST = "localhost"


def client_context(directory: Path) -> ssl.SSLContext:
    """Trust the authority of a run (`bench.serving.write_certificate`) and nobody else."""
    context = ssl.create_default_context(cafile=directory / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    return context


def connect(port: int, seconds: float) -> socket.socket:
    """Open a connection on which a request leaves at once.

    Else it waits until the end of the handshake is acknowledged: 40 ms, where the server sends no ticket behind it.

    Raises:
        OSError: nobody answered in time.

    """
    connected = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected
