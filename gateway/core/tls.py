"""How TLS to an upstream is spoken (verified, at least TLS 1.2, HTTP/1.1 only: everybody who dials asks here), and what
TLS with a client has shown.
"""

import os
import ssl
from collections.abc import Collection
from typing import Any, Final

from msgspec import Struct

from gateway.spec.upstream import UpstreamTls

LOOK_SECONDS: Final = 1.0
"""How often the files of a context are looked at, while connections are made with it."""


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


class ClientContexts:
    """One context for all upstreams that speak TLS alike, made when the first connection asks for it.

    It is made anew when a file it was made of has changed. One that cannot be used then leaves the last good one.
    """

    def __init__(self) -> None:
        self._held: dict[UpstreamTls, _Held] = {}

    def get(self, tls: UpstreamTls, now: float) -> ssl.SSLContext:
        """Give the context for a new connection; `now` is monotonic, in seconds.

        Raises:
            OSError: there is none: a file is missing, or holds no certificate or key.
        """
        held = self._held.get(tls)
        if held is None:
            held = self._held[tls] = _Held(tls)
        if now >= held.due:
            held.due = now + LOOK_SECONDS
            held.look()
        if held.context is None:
            raise OSError(held.fault)
        return held.context

    def keep(self, used: Collection[UpstreamTls]) -> None:
        """Forget all but these."""
        self._held = {tls: held for tls, held in self._held.items() if tls in used}

    def faults(self) -> list[str]:
        """Say what is wrong with files at present, one sentence for each context."""
        return [held.fault for held in self._held.values() if held.fault]


class _Held:
    """A context, and how its files were when it was made."""

    def __init__(self, tls: UpstreamTls) -> None:
        self.context: ssl.SSLContext | None = None
        self.fault = ""
        self.due = float("-inf")
        self._tls = tls
        self._files = [file for file in (tls.ca, tls.certificate, tls.key) if file]
        self._stamps: list[_Stamp] = []

    def look(self) -> None:
        stamps = [_stamp(file) for file in self._files]
        if self.context is not None and stamps == self._stamps:
            return
        try:
            self.context = client_context(self._tls)
        except OSError as fault:
            self.fault = f"{', '.join(self._files)}: {fault}"
        else:
            self._stamps, self.fault = stamps, ""


_Stamp = tuple[int, int, int] | None


def _stamp(file: str) -> _Stamp:
    try:
        found = os.stat(file)  # noqa: PTH116 - a third of the time of a Path
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
