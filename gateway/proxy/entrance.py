"""One listener, as its connections see it: whether it speaks TLS, what it expects first, and what it answers by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.failure import Failure, Refused

if TYPE_CHECKING:
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.table import Address
    from gateway.spec.listen import Listener
    from gateway.store.keyring import Keyring

_DAY_SECONDS: Final = 86_400
_HTTPS_PORT: Final = 443
HSTS: Final = b"strict-transport-security: "


class Entrance:
    """What the connections of one listener have in common."""

    __slots__ = ("handshake_seconds", "hsts", "judges", "keyring", "port", "preface", "redirect", "scheme")

    def __init__(self, listener: Listener | None = None, port: int = 0, keyring: Keyring | None = None) -> None:
        """`port` is where it is bound, 0 for a UNIX socket."""
        tls = listener.tls if listener else None
        self.port = port
        self.keyring = keyring
        self.preface = listener is not None and listener.proxy_protocol
        self.redirect = listener.redirect if listener else None
        self.scheme = "https" if tls else "http"
        self.handshake_seconds = tls.handshake_seconds if tls else 0.0
        self.hsts = b"%bmax-age=%d\r\n" % (HSTS, tls.hsts_days * _DAY_SECONDS) if tls and tls.hsts_days else b""
        """A header line for every answer (RFC 6797 section 7.1)."""
        self.judges = tls is not None or self.redirect is not None
        """Whether `judge` has anything to say."""

    def judge(self, exchange: Exchange, address: Address) -> bool:
        """Send to HTTPS, or see that the connection was made to the host asked for; False if it has been answered here.

        Raises:
            Refused: `MISDIRECTED` (RFC 9110 section 15.5.20), or there is no host to send to.

        """
        if self.redirect is not None:
            _redirect(exchange, address, self.redirect)
            return False
        client = exchange.client
        if client.directed != address.host:
            if self._misdirected(exchange, address.host):
                raise Refused(Failure.MISDIRECTED)
            client.directed = address.host
        return True

    def _misdirected(self, exchange: Exchange, host: str) -> bool:
        keyring, handshake, shown = self.keyring, exchange.client.handshake, exchange.client.shown
        if keyring is None or handshake is None or shown is None:
            return False
        if keyring.demands and handshake.server_name and handshake.server_name != host:
            return True
        return not shown.covers(host) and keyring.find(host) is not None


def _redirect(exchange: Exchange, address: Address, port: int) -> None:
    if not address.host:
        raise Refused(Failure.BAD_HOST)
    authority = address.host if port == _HTTPS_PORT else f"{address.host}:{port}"
    wire = address.wire if address.wire.startswith(b"/") else b"/"
    exchange.answer(308, [(b"location", b"https://%b%b" % (authority.encode(), wire))], b"")


PLAIN: Final = Entrance()
"""Plain HTTP, with nothing of its own."""
