"""The certificates of one TLS listener: made before the workers are forked, and read again in each when files change.

What a session is resumed with belongs to one context, the front: every worker inherits it from the supervisor, and their
successors do, so that a client may resume on any of them. The front itself holds no certificate. Each connection is given
the context of the one chosen by its SNI, and those are replaced while the front stays.

A file that changed is tried in a context of its own and must stand still for one look: a pair that is half written, or
wrong, never replaces the one in use.
"""

import ssl
import tempfile
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from gateway.spec.listen import Certificate as Files
from gateway.spec.listen import ListenerTls
from gateway.store.certificate import Certificate, describe, wildcard
from gateway.store.selfsigned import self_signed

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and AEAD only (RFC 9325 section 4.2). TLS 1.3 has no others."""
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

SELF_SIGNED: Final = "self-signed"
"""Stands for the file of a certificate that is in none."""

_Stamp = tuple[tuple[int, int, int] | None, ...]


class KeyringError(Exception):
    """A certificate, key or authority cannot be used; the message names the file and says why."""


class Session(ssl.SSLObject):
    """TLS on one connection, and what was chosen for it."""

    server_name = ""
    """The SNI, spelled as gateway.core.host does; empty where there is none."""
    shown: Certificate | None = None


class Pair(Struct, frozen=True):
    """A certificate with its key, ready to be shown."""

    files: Files
    certificate: Certificate
    context: ssl.SSLContext


class Change(Struct, frozen=True):
    """A file that changed, and why it is not used if it is not."""

    file: str
    refused: str = ""


class Keyring:
    """The certificates of one listener."""

    def __init__(self, tls: ListenerTls) -> None:
        """Read every file.

        Raises:
            KeyringError: one of them cannot be used.
        """
        self._tls = tls
        self._watches = [_Watch(each.certificate, each.key) for each in tls.certificates]
        self._authorities = _Watch(tls.clients.ca) if tls.clients else None
        self._own = b"" if tls.certificates else self_signed()
        self._load()

    @property
    def demands(self) -> bool:
        """Clients are asked for a certificate."""
        return self._tls.clients is not None

    @property
    def files(self) -> list[str]:
        """Each certificate, and the authorities of clients: what a `Change` names."""
        watches = [*self._watches, self._authorities] if self._authorities else self._watches
        return [watch.files[0] for watch in watches]

    def wrap(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> Any:
        """Begin the server's side of a handshake: a `Session`."""
        return self._front.wrap_bio(incoming, outgoing, server_side=True)

    def find(self, host: str) -> Pair | None:
        """Give the certificate for a host; the exact name goes before the wildcard."""
        return self._by_name.get(host) or self._by_name.get(wildcard(host))

    def refresh(self) -> list[Change]:
        """Look at the files, and take up those that changed. What cannot be used is left, and told once."""
        if self._authorities and self._authorities.is_due():
            return [self._try(self._authorities.files[0], self._load)]
        return [
            self._try(watch.files[0], lambda place=place: self._replace(place))
            for place, watch in enumerate(self._watches)
            if watch.is_due()
        ]

    @staticmethod
    def _try(file: str, load: Any) -> Change:
        try:
            load()
        except KeyringError as refused:
            return Change(file, str(refused))
        return Change(file)

    def _load(self) -> None:
        """Read everything. With other authorities the front is another one too: what they vouched for is not resumed."""
        pairs = [self._pair(each) for each in self._tls.certificates] or [self._own_pair()]
        self._front = self._context()
        self._front.sslobject_class = Session
        self._front.sni_callback = self._choose
        self._show(pairs)

    def _replace(self, place: int) -> None:
        self._show([*self.pairs[:place], self._pair(self._tls.certificates[place]), *self.pairs[place + 1 :]])

    def _show(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self._by_name = {name: pair for pair in reversed(pairs) for name in pair.certificate.names}

    def _choose(self, session: Any, name: str | None, _: ssl.SSLContext) -> None:
        session.server_name = name = name.lower().removesuffix(".") if name else ""
        pair = self.find(name) or self.pairs[0]
        session.shown = pair.certificate
        session.context = pair.context

    def _pair(self, files: Files) -> Pair:
        context = self._context()
        try:
            certificate = describe(Path(files.certificate).read_bytes())
            context.load_cert_chain(files.certificate, files.key, password="")  # never asks for one
        except (OSError, ValueError) as refused:
            raise KeyringError(f"{files.certificate} with {files.key}: {_reason(refused)}") from None
        return Pair(files, certificate, context)

    def _own_pair(self) -> Pair:
        """Show the one made here; OpenSSL, as Python has it, reads keys from files only."""
        context = self._context()
        with tempfile.NamedTemporaryFile(prefix="casino-") as file:
            file.write(self._own)
            file.flush()
            context.load_cert_chain(file.name)
        return Pair(Files(certificate=SELF_SIGNED, key=SELF_SIGNED), describe(self._own), context)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self._tls.minimum]
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols(["http/1.1"])
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE  # all are good: a client knows what its machine is fast at
        if self._tls.clients:
            self._ask_clients(context, self._tls.clients.ca, optional=self._tls.clients.optional)
        return context

    @staticmethod
    def _ask_clients(context: ssl.SSLContext, authorities: str, *, optional: bool) -> None:
        """Ask for a certificate on every connection: a ticket would outlive the certificate it stands for."""
        context.verify_mode = ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        try:
            context.load_verify_locations(authorities)
        except OSError as refused:
            raise KeyringError(f"{authorities}: {_reason(refused)}") from None


class _Watch:
    """Files that are used together, and how they were when they last were."""

    def __init__(self, *files: str) -> None:
        self.files = files
        self._tried = self._seen = self._stamp()

    def is_due(self) -> bool:
        """Say whether they changed and stand still; the same change is due once."""
        stamp = self._stamp()
        due = stamp == self._seen and stamp != self._tried
        self._seen = stamp
        if due:
            self._tried = stamp
        return due

    def _stamp(self) -> _Stamp:
        return tuple(map(_stat, self.files))


def _stat(file: str) -> tuple[int, int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _reason(refused: Exception) -> str:
    if isinstance(refused, ssl.SSLError):
        return f"not the PEM expected here ({refused.reason or 'no PEM lines found'})"
    return refused.strerror or str(refused) if isinstance(refused, OSError) else "no certificate found"
