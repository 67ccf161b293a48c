"""What a certificate says of itself: for whom it is, from when, until when. It trusts nobody and checks no signature."""

from collections.abc import Iterable
from ipaddress import IPv4Address

from cryptography import x509
from msgspec import Struct


class Certificate(Struct, frozen=True):
    """The first certificate of a chain: the one of whoever shows it."""

    names: frozenset[str]
    """Hosts it is for, spelled as gateway.core.host does; `*.shop.example` stands for exactly one more label."""
    begins: float
    ends: float
    """Unix time, seconds."""

    def covers(self, host: str) -> bool:
        """Say whether it is for this host (RFC 9110 section 4.3.4)."""
        return host in self.names or wildcard(host) in self.names


def wildcard(host: str) -> str:
    """Give the one name with a `*` that stands for a host (RFC 9525 section 6.3)."""
    return f"*.{host.partition('.')[2]}"


def describe(pem: bytes) -> Certificate:
    """Read the first certificate of a PEM file.

    Raises:
        ValueError: there is none, or it cannot be read.
    """
    first = chain(pem)[0]
    return Certificate(
        frozenset(names(first)), first.not_valid_before_utc.timestamp(), first.not_valid_after_utc.timestamp()
    )


def chain(pem: bytes) -> list[x509.Certificate]:
    """Read every certificate of a PEM file. Raises ValueError, if there is none too."""
    return x509.load_pem_x509_certificates(pem)


def names(certificate: x509.Certificate) -> Iterable[str]:
    """Give the hosts of the subject alternative names; the common name means nothing to clients (RFC 9525 section 2)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    for name in found:
        if isinstance(name, x509.DNSName):
            yield name.value.lower().removesuffix(".")
        elif isinstance(name, x509.IPAddress):
            yield str(name.value) if isinstance(name.value, IPv4Address) else f"[{name.value}]"
