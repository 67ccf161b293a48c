"""How TLS to an upstream is spoken: verified, at least TLS 1.2, HTTP/1.1 only. Everybody who dials asks here."""

import ssl
from collections.abc import Collection
from typing import Final

from gateway.spec.upstream import UpstreamTls
from gateway.store.stamp import Stamp, stamp

LOOK_SECONDS: Final = 1.0
"""How often the files of a context are looked at, while connections are made with it."""


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
        self._stamps: list[Stamp | None] = []

    def look(self) -> None:
        stamps = [stamp(file) for file in self._files]
        if self.context is not None and stamps == self._stamps:
            return
        try:
            self.context = client_context(self._tls)
        except OSError as fault:
            self.fault = f"{', '.join(self._files)}: {fault}"
        else:
            self._stamps, self.fault = stamps, ""
