"""How TLS to an upstream is spoken (verified, at least TLS 1.2, HTTP/1.1 only: everybody who dials asks here), and what
TLS with a client has shown.
"""

import ssl
from typing import Any

from msgspec import Struct

from gateway.spec.upstream import UpstreamTls


class Handshake(Struct, frozen=True):
    """What was agreed with a client."""

    version: str
    """`1.2` or `1.3`."""
    cipher: str
    server_name: str
    """The SNI in lower case, without a trailing dot; empty where there is none."""
    resumed: bool
    subject: str = ""
    """Of the client's certificate, `CN=name, O=...`; empty where none was shown."""
    names: tuple[str, ...] = ()
    """Of the client's certificate: `DNS:shop.internal`, `URI:spiffe://x`, `CN:name`."""


_KINDS = {"IP Address": "IP", "email": "EMAIL"}
_SHORT = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}


def names_of(certificate: dict[str, Any]) -> tuple[str, ...]:
    """Give the names of a verified certificate, as `ssl.SSLObject.getpeercert` describes it; printable ones only."""
    others = [f"{_KINDS.get(kind, kind)}:{value}" for kind, value in certificate.get("subjectAltName", ())]
    common = [f"CN:{value}" for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return tuple(name for name in (*others, *common) if name.isprintable())


def subject_of(certificate: dict[str, Any]) -> str:
    """Give the subject of a certificate on one line, for people."""
    parts = [part for group in certificate.get("subject", ()) for part in group]
    return ", ".join(f"{_SHORT.get(key, key)}={value}" for key, value in parts)


def client_context(tls: UpstreamTls) -> ssl.SSLContext:
    """Build the context for connections to an upstream.

    Raises:
        OSError: a file named by the spec is missing or holds no certificate or key (ssl.SSLError is one).
    """
    context = ssl.create_default_context(cafile=tls.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key)
    return context
