"""The clients' side of TLS: version 1.3 and HTTP/1.1 by ALPN, from everybody and of every product."""

import ssl
from pathlib import Path

HOST = "localhost"


def client_context(directory: Path) -> ssl.SSLContext:
    """Trust the authority of a run (`bench.serving.write_certificate`) and nobody else."""
    context = ssl.create_default_context(cafile=directory / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    return context
