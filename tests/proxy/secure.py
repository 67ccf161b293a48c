"""A worker with listeners that speak TLS, and clients of theirs."""

import contextlib
import socket
import ssl
from pathlib import Path

from exporters.catalog.gateway import HANDSHAKES
from gateway.spec.listen import ClientCertificates, Listener, ListenerTls
from tests.authority import Authority
from tests.proxy.data_plane import Gateway
from tests.proxy.wire import Client, Upstream

HANDSHAKE_SECONDS = 0.4
HSTS_DAYS = 30


class SecureGateway(Gateway):
    """Listeners: `tls` for many hosts, `required` and `optional` ask clients for a certificate, `proxied` comes with a
    PROXY header, `redirect` sends to HTTPS; `hasty` alone gives handshakes little time."""

    def __init__(self, place: Path, upstream: Upstream) -> None:
        self.authority = authority = Authority(place / "certs")
        self.others = Authority(place / "others")
        self.peers: list[Client] = []
        self.first = authority.issue("first", "a.test", "*.wild.test")
        self.second = authority.issue("second", "b.test", "127.0.0.1")
        alone = authority.issue("alone", "a.test", "b.test")
        ca = str(authority.file)

        def tls(**settings) -> ListenerTls:
            return ListenerTls(**{"certificates": (alone,), "handshake_seconds": 60} | settings)

        super().__init__(
            place,
            upstream,
            tls=_listener(1, tls=tls(certificates=(self.first, self.second), hsts_days=HSTS_DAYS)),
            modern=_listener(2, tls=tls(minimum="1.3")),
            required=_listener(3, tls=tls(clients=ClientCertificates(ca=ca))),
            optional=_listener(4, tls=tls(clients=ClientCertificates(ca=ca, optional=True))),
            proxied=_listener(5, tls=tls(), proxy_protocol=True),
            hasty=_listener(8, tls=tls(handshake_seconds=HANDSHAKE_SECONDS)),
            redirect=_listener(6, redirect=8443),
            usual=_listener(7, redirect=443),
        )

    def listening(self, listener: str) -> int:
        return self._listeners[listener].getsockname()[1]

    def dial(self, listener: str = "tls", source: str = "127.0.0.1") -> Client:
        """Connect, and say nothing yet."""
        port = self.listening(listener)
        self.peers.append(Client(socket.create_connection(("127.0.0.1", port), source_address=(source, 0))))
        return self.peers[-1]

    def greet(
        self,
        name: str | None = "a.test",
        *,
        listener: str = "tls",
        context: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
        preface: bytes = b"",
        source: str = "127.0.0.1",
    ) -> Client:
        """Connect and shake hands; the certificate must be for `name`, unless there is none."""
        context = context or self.authority.client()
        context.check_hostname = name is not None
        client = self.dial(listener, source).send(preface)
        client.socket = context.wrap_socket(
            client.socket, server_hostname=name, session=session, suppress_ragged_eofs=False
        )
        return client

    def hello(self, name: str = "a.test") -> bytes:
        """What a client says first."""
        outgoing = ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            self.authority.client().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
        return outgoing.read()

    def handshakes(self, result: str) -> int:
        """How many ended so."""
        return self.total(HANDSHAKES, result=result)

    def hang_up(self) -> None:
        for peer in self.peers:
            peer.close()
        self.peers.clear()


def shake_hands(
    session: ssl.SSLObject, client: Client, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *, last_word: bool = True
) -> None:
    """Shake hands by hand; without `last_word` what finishes the handshake waits in `outgoing`."""
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            client.send(outgoing.read())
            assert client.more()
            incoming.write(client.so_far())
            client.buffer = b""
    if last_word:
        client.send(outgoing.read())


def _listener(number: int, **settings) -> Listener:
    return Listener(address=f"127.0.0.1:{number}", **settings)
