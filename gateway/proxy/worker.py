"""A worker process: Sanic's server with the data plane's protocol, on an event loop that follows the shared words.

Each tick it beats, runs deadlines, and takes up what control and supervisor published. It never talks to them.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import math
import ssl
from email.utils import formatdate
from random import random
from typing import TYPE_CHECKING, Any, Final

import msgspec
import uvloop
from sanic import HTTPResponse, Request, Sanic, empty

from exporters.catalog.gateway import ACCEPTED, LOOP_LAG, NOT_APPLIED, REFUSED
from gateway.core.address import Trust, address_key
from gateway.core.forwarded import Hop
from gateway.core.keyset import KEYSETS, KeySets
from gateway.core.snapshot import ENDPOINTS, SNAPSHOT, Endpoint, Endpoints, Snapshot, VersionState
from gateway.proxy.accept import Acceptor
from gateway.proxy.account import Account
from gateway.proxy.answer import AnswerReader
from gateway.proxy.certificates import Certificates
from gateway.proxy.client import ClientConnection
from gateway.proxy.entrance import Entrance
from gateway.proxy.handshakes import Handshakes
from gateway.proxy.head import RequestReader
from gateway.proxy.held import Held
from gateway.proxy.identities import Identities
from gateway.proxy.identity import Gatekeeper
from gateway.proxy.limits import Limits
from gateway.proxy.outbox import Outbox
from gateway.proxy.overload import Overload
from gateway.proxy.service import Service
from gateway.proxy.shedding import Shedding
from gateway.proxy.table import UNROUTED, Lane, Table
from gateway.proxy.timers import TICK_SECONDS, Timers
from gateway.proxy.tokens import Tokens
from gateway.spec.address import parse_target
from gateway.spec.listen import Bounds, Metrics
from gateway.spec.told import told
from gateway.store.contexts import ClientContexts
from gateway.store.lines import set_up
from gateway.store.process import Phase, Process
from gateway.store.slot import Slot, Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.spec.upstream import UpstreamTls, Version

_COLLECT_AFTER: Final = (20_000, 20, 50)
"""A request leaves no cycles behind; connections do, when they end."""
_LOG: Final = logging.getLogger("casino.worker")
_UNKNOWN_STATE: Final = VersionState(endpoints=())
_DOCUMENTS: Final = {Word.GENERATION: SNAPSHOT, Word.EDITION: ENDPOINTS, Word.KEYSETS: KEYSETS}
"""What control publishes, by the word that says so."""
_REFUSALS: Final = ("connections", "per_address", "proxy_protocol")


def main(process: Process) -> None:
    """Serve until the build stops."""
    set_up("casino.worker")
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(process))


async def serve(process: Process) -> None:
    """Run Sanic's server around the protocol; connections come from acceptors of our own."""
    worker = Worker(process)
    app = Sanic(f"casino-{process.build.id}-{process.name}", configure_logging=False)
    app.ctx.worker = worker
    app.add_route(_unreached, "/")
    # Sanic's server owns connections and lifecycle; it does not accept, for it would take whatever it can get.
    server = await app.create_server(
        sock=process.listeners[0][1].dup(),
        protocol=ClientConnection,
        asyncio_server_kwargs={"start_serving": False},
    )
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    worker.connections = server.connections
    worker.start(functools.partial(ClientConnection, app=app))
    await worker.done
    await server.before_stop()
    await server.after_stop()
    worker.account.settle()  # of the last one aborted: the loop has turned since, and told the others


async def _unreached(_: Request) -> HTTPResponse:
    """Be the one route without which Sanic starts no app; the protocol never asks for it."""
    return empty()


class Worker:
    """The state that all connections of one process share."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.number = process.number
        self.workers = len(process.workers)
        self.name = f"{process.build.id}/{process.number}"
        self.slot = process.slot
        self.words = process.slot.words
        self.values = process.slot.tally.values
        assert process.slot.ring is not None
        self.ring = process.slot.ring
        self.loop = asyncio.get_running_loop()
        self.clock = self.loop.time
        self.timers = Timers(self.clock())
        self.identities = Identities()
        self.outbox = Outbox(self.loop)
        self.held = Held(self.loop)
        self.requests, self.answers = RequestReader(), AnswerReader()
        self.bounds = Bounds()
        self.trust = Trust(())
        self.table: Table | None = None
        self._contexts = ClientContexts()
        self._told_faults: list[str] = []
        self.ready = self.closing = False
        self.date = b""
        self.connections: set[ClientConnection] = set()
        self.done: asyncio.Future[None] = self.loop.create_future()
        self._services: dict[tuple[str, str], Service] = {}
        self._addresses: dict[str, int] = {}
        self._endpoints = Endpoints(edition=0, versions={})
        self._acceptors: list[Acceptor] = []
        self._peers = [Slot.open(path) for path in process.workers if path != process.slot.path]
        self._expected = self._closing_since = 0.0
        readers = (self._read_snapshot, self._read_endpoints, self._read_key_sets)
        self._readers = dict(zip(_DOCUMENTS, readers, strict=True))
        self._tried = dict.fromkeys(_DOCUMENTS, -1)
        tally = self.slot.tally
        self.handshakes = Handshakes(self.loop, tally)
        self.certificates = Certificates(tally, self.number)
        self.limits = Limits(process)
        self.unrouted = Lane(tally, UNROUTED, services={})
        self.account = Account(self)
        self.shedding = Shedding(self)
        self.overload = Overload(self.loop, self.shedding.settle)
        self.tokens = Tokens(self)
        self.gatekeeper = Gatekeeper(self)
        for document in _DOCUMENTS.values():
            tally.index(NOT_APPLIED, (document,))
        self._accepted = tally.index(ACCEPTED, ())
        self._refusals = {reason: tally.index(REFUSED, (reason,)) for reason in _REFUSALS}
        self._lag = tally.histogram(LOOP_LAG, (str(self.number),), Metrics().latency_buckets)

    def start(self, factory: Any) -> None:
        """Take up what is published, then accept."""
        self.words[Word.CONNECTIONS] = 0
        self._follow()
        for listener, listening in self.process.listeners:
            keyring = self.process.keyrings.get(listener.address)
            if keyring:
                self.handshakes.begin()
                self.certificates.begin(keyring)
            name = listening.getsockname()
            entrance = Entrance(listener, name[1] if isinstance(name, tuple) else 0, keyring)
            acceptor = Acceptor(self, entrance, listening, factory, self._peers)
            acceptor.start()
            self._acceptors.append(acceptor)
        self._expected = self.clock()
        self._tick()

    # ---- the tick

    def _tick(self) -> None:
        now = self.clock()
        try:
            self._turn(now)
        finally:  # what went wrong is the loop's to tell: without ticks no deadline is kept, and nobody told to end
            if not self._phase(now):
                self.loop.call_later(TICK_SECONDS, self._tick)

    def _turn(self, now: float) -> None:
        lag = max(0.0, now - self._expected)
        self._expected = now + TICK_SECONDS
        self.account.settle()
        self.slot.beat()
        self.words[Word.LAG] = int(lag * 1e9)
        self._lag.observe(lag)
        self.shedding.tick()
        self.date = f"date: {formatdate(usegmt=True)}\r\n".encode()
        self.account.set_clock()
        self.limits.tick()
        self.timers.run(now - lag)  # what a late loop has not read yet is not late itself
        self.certificates.tick(now)
        self._follow()
        self.tokens.tick(now)

    def _phase(self, now: float) -> bool:
        """Follow the build's phase; True once this process has nothing left to do."""
        phase = self.process.supervisor.words[Word.PHASE]
        self.ready = self.table is not None and phase == Phase.SERVING
        if phase >= Phase.CLOSING and not self.closing:
            self.closing = True
            self._closing_since = now
            for acceptor in self._acceptors:
                acceptor.stop()
        ended = phase >= Phase.STOP or (self.closing and not self.words[Word.CONNECTIONS])
        if self.closing and not ended and self.table:
            self._close_resting(now)
        if ended and not self.done.done():
            for connection in list(self.connections):
                connection.abort()
            self.done.set_result(None)
        return ended

    def _close_resting(self, now: float) -> None:
        """Half way to the deadline, give up on clients that hold a connection and ask for nothing."""
        assert self.table is not None
        if now - self._closing_since > self.table.snapshot.spec.drain.deadline_seconds / 2:
            for connection in list(self.connections):
                connection.close_if_idle()

    def _follow(self) -> None:
        """Take up what was published, once each."""
        control = self.process.control.words
        for word, read in self._readers.items():
            published = control[word]
            if published > self._tried[word]:
                self._tried[word] = published
                self._take_up(word, read)

    def _take_up(self, word: Word, read: Callable[[], None]) -> None:
        """Apply a document; of one that cannot be applied tell, and serve on with the one before. The first there must be."""
        try:
            read()
        except Exception as fault:
            if self.table is None:
                raise
            document = _DOCUMENTS[word]
            self.slot.tally.add(NOT_APPLIED, (document,))
            about = {
                "process.name": self.process.name,
                "casino.document": document,
                "casino.published": self._tried[word],
            }
            _LOG.error("document_not_applied", exc_info=fault, extra={"fields": about})

    # ---- what control publishes

    def _read_snapshot(self) -> None:
        data = self.process.build.documents.read(SNAPSHOT)
        if data is None:
            return
        snapshot = msgspec.msgpack.decode(data, type=Snapshot)
        spec = snapshot.spec
        services = {
            (name, version): self._services.get((name, version)) or Service(self, name, version, upstream)
            for name, upstream in spec.upstreams.items()
            for version in upstream.versions
        }
        start = random()  # noqa: S311 - where a sequence begins
        self.table = Table(snapshot, self.slot.tally, services, limits=self.limits, start=start)
        # From here on nothing can go wrong that is not a bug: what has been served so far is given up.
        self.bounds = spec.bounds
        self.trust = Trust(spec.listen.trusted)
        self.requests.configure(spec.identity.key_header, told(spec))
        self.gatekeeper.configure(spec)
        for (name, _), service in services.items():
            service.configure(spec.upstreams[name], spec.metrics.latency_buckets)
        for key in self._services.keys() - services.keys():
            self._services[key].close()
        self._services = services
        self._contexts.keep({upstream.tls for upstream in spec.upstreams.values()})
        self._apply_endpoints()
        self.tokens.configure(spec)
        self._publish(snapshot)

    def _publish(self, snapshot: Snapshot) -> None:
        """Say which snapshot is served from now on."""
        self.account.generation = snapshot.generation
        self.words[Word.DIGEST] = int(snapshot.digest, 16)
        self.words[Word.GENERATION] = snapshot.generation

    def _read_endpoints(self) -> None:
        data = self.process.build.documents.read(ENDPOINTS)
        if data is None:
            return
        self._endpoints = msgspec.msgpack.decode(data, type=Endpoints)
        self._apply_endpoints()
        self.words[Word.EDITION] = self._endpoints.edition

    def _read_key_sets(self) -> None:
        data = self.process.build.documents.read(KEYSETS)
        if data is None:
            return
        published = msgspec.msgpack.decode(data, type=KeySets)
        self.tokens.follow(published)
        self.words[Word.KEYSETS] = published.edition

    def _apply_endpoints(self) -> None:
        if self.table is None:
            return
        upstreams = self.table.snapshot.spec.upstreams
        for (name, version), service in self._services.items():
            written = upstreams[name].versions[version]
            targets = frozenset(target.url for target in written.targets)
            state = self._endpoints.versions.get((name, version), _UNKNOWN_STATE)
            missing = targets - {endpoint.target for endpoint in state.endpoints}
            if missing:
                more = _literal_endpoints(written, missing)
                state = msgspec.structs.replace(state, endpoints=(*state.endpoints, *more))
            service.apply(state, targets)

    # ---- connections

    def context(self, tls: UpstreamTls) -> ssl.SSLContext:
        """Give the TLS context for a new connection to an upstream.

        Raises:
            ssl.SSLError: a file is missing or no good, and has been from the start.

        """
        try:
            return self._contexts.get(tls, self.clock())
        except OSError as fault:
            raise ssl.SSLError(str(fault)) from fault
        finally:
            faults = self._contexts.faults()
            for told in faults:
                if told not in self._told_faults:
                    _LOG.error("upstream_tls_refused", extra={"fields": {"error.message": told}})
            self._told_faults = faults

    def admits(self, peer: str) -> bool:
        """Say whether one more connection from this address is taken."""
        words = self.words
        total = words[Word.CONNECTIONS] + sum(slot.words[Word.CONNECTIONS] for slot in self._peers)
        if total >= self.bounds.connections:
            return self.refused("connections")
        if peer and self._addresses.get(address_key(peer), 0) >= self._per_address:
            return self.refused("per_address")
        return True

    @property
    def _per_address(self) -> int:
        return math.ceil(self.bounds.connections_per_address / self.workers)

    def refused(self, reason: str) -> bool:
        """Count a connection that is closed at once."""
        self.values[self._refusals[reason]] += 1
        return False

    def count_connection(self, change: int) -> None:
        self.words[Word.CONNECTIONS] += change
        if change > 0:
            self.values[self._accepted] += change

    def connected(self, client: ClientConnection) -> None:
        self.connections.add(client)
        self._address(client, 1)
        self.timers.arm(client, self.clock() + self.bounds.idle_seconds)

    def disconnected(self, client: ClientConnection) -> None:
        self.timers.forget(client)
        self.connections.discard(client)
        self.count_connection(-1)
        self._address(client, -1)

    def _address(self, client: ClientConnection, change: int) -> None:
        key = client.address_key
        if key:
            count = self._addresses.get(key, 0) + change
            if count > 0:
                self._addresses[key] = count
            else:
                self._addresses.pop(key, None)

    def renamed(self, client: ClientConnection, address: str) -> bool:
        """Take a client's address from a PROXY header; False if there are too many from it."""
        self._address(client, -1)
        client.introduce(address)
        self._address(client, 1)
        if self._addresses.get(client.address_key, 0) > self._per_address:
            return self.refused("per_address")
        return True

    def hop(self, peer: str, entrance: Entrance) -> Hop:
        return Hop(peer, scheme=entrance.scheme, port=entrance.port if peer else 0, trust=self.trust)

    def crashed(self, error: Exception) -> None:
        """Tell of a bug that cost one connection."""
        _LOG.error("connection_crashed", exc_info=error)


def _literal_endpoints(version: Version, urls: frozenset[str]) -> list[Endpoint]:
    """Give the targets that need no look-up: until control has judged them, they count as up."""
    endpoints = []
    for target in version.targets:
        address = parse_target(target.url)
        if target.url in urls and address.is_literal:
            endpoints.append(
                Endpoint(target=target.url, host=address.host, port=address.port, weight=float(target.weight))
            )
    return endpoints
