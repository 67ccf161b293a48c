"""A worker with listeners that speak TLS, and clients of theirs."""

import socket
import ssl
from pathlib import Path

from gateway.spec.listen import ClientCertificates, Listener, ListenerTls
from tests.authority import Authority
from tests.proxy.data_plane import Gateway
from tests.proxy.wire import PATIENCE_SECONDS, Client, Upstream

HANDSHAKE_SECONDS = 0.4
HSTS_DAYS = 30


class SecureGateway(Gateway):
    """Listeners: `tls` for many hosts, `required` and `optional` ask clients for a certificate, `proxied` comes with a
    PROXY header, `redirect` sends to HTTPS."""

    def __init__(self, place: Path, upstream: Upstream) -> None:
        self.authority = authority = Authority(place / "certs")
        self.others = Authority(place / "others")
        self.first = authority.issue("first", "a.test", "*.wild.test")
        self.second = authority.issue("second", "b.test", "127.0.0.1")
        alone = authority.issue("alone", "a.test", "b.test")
        ca = str(authority.file)

        def tls(name: str, **settings) -> ListenerTls:
            return ListenerTls(handshake_seconds=HANDSHAKE_SECONDS, **{"certificates": (alone,)} | settings)

        super().__init__(
            place,
            upstream,
            tls=_listener(1, tls=tls("tls", certificates=(self.first, self.second), hsts_days=HSTS_DAYS)),
            modern=_listener(2, tls=tls("modern", minimum="1.3")),
            required=_listener(3, tls=tls("required", clients=ClientCertificates(ca=ca))),
            optional=_listener(4, tls=tls("optional", clients=ClientCertificates(ca=ca, optional=True))),
            proxied=_listener(5, tls=tls("proxied"), proxy_protocol=True),
            redirect=_listener(6, redirect=8443),
            usual=_listener(7, redirect=443),
        )

    def port(self, listener: str = "tls") -> int:
        return self._listeners[listener].getsockname()[1]

    def dial(self, listener: str = "tls", source: str = "127.0.0.1") -> socket.socket:
        """Connect, and say nothing yet."""
        dialled = socket.create_connection(("127.0.0.1", self.port(listener)), source_address=(source, 0))
        dialled.settimeout(PATIENCE_SECONDS)
        return dialled

    def greet(
        self,
        name: str | None = "a.test",
        listener: str = "tls",
        context: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
    ) -> Client:
        """Connect and shake hands."""
        context = context or self.authority.client()
        context.check_hostname = name is not None
        dialled = self.dial(listener)
        try:
            return Client(context.wrap_socket(dialled, server_hostname=name, session=session))
        except OSError:
            dialled.close()
            raise


def _listener(number: int, **settings) -> Listener:
    return Listener(address=f"127.0.0.1:{number}", **settings)
