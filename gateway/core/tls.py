"""What TLS with a client has shown."""

from typing import Any

from msgspec import Struct


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
