"""One bridge, put together and run until a signal ends it."""

import asyncio
import os
import signal
import socket
import ssl
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import uvloop
from sanic import Sanic

from alerts.pagerduty.bridge import ledger, letters
from alerts.pagerduty.bridge.alertmanager import Alertmanagers
from alerts.pagerduty.bridge.app import build_app
from alerts.pagerduty.bridge.heartbeat import LOOK_SECONDS, Changes, Heartbeat
from alerts.pagerduty.bridge.intake import Intake
from alerts.pagerduty.bridge.lost import LOOK_SECONDS as LOOK_UP_SECONDS
from alerts.pagerduty.bridge.lost import Lost
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.pair import Pair
from alerts.pagerduty.bridge.reconciler import Reconciler
from alerts.pagerduty.bridge.sender import Sender
from alerts.pagerduty.bridge.settings import Settings, UnusableError
from alerts.pagerduty.bridge.store import Store, StoreError
from alerts.pagerduty.bridge.threads import Threads
from alerts.pagerduty.bridge.transport import PdpyrasTransport
from exporters.catalog import bridge as catalog
from gateway.spec.address import parse_address
from gateway.spec.bridge import Bridge as BridgeSpec
from gateway.spec.bridge import BridgeTls
from gateway.store.lines import set_up
from gateway.store.rundir import Held, hold

TIDY_SECONDS = 60.0
CHANGES_SECONDS = 10.0
SWITCH_SECONDS = 0.0005
"""How long a thread that computes keeps the others waiting. SQLite gives the interpreter free at each statement, and at
Python's 5 ms the store would wait so long for each to get it back: p99 of a webhook fell from 106 to 69 ms."""


class Bridge:
    """All parts of one bridge but its port."""

    def __init__(self, settings: Settings) -> None:
        """Open the store. Raises UnusableError where that cannot be."""
        self.settings = settings
        self.meter = Meter(settings.keys)
        try:
            self.store = Store(settings.state, settings.bridge.size_bytes, self.meter.committed)
        except (StoreError, OSError) as fault:
            raise _unkept(fault) from None
        self.intake = Intake(settings, self.store, self.meter, self._wake)
        self.pair = Pair(
            settings.bridge.peer, self.store, self.meter, verify=_as_caller(settings.bridge), take=self.intake.take_from
        )
        self._alertmanagers = Alertmanagers(
            settings.alertmanagers,
            seen=lambda url, is_up: self.meter.show(catalog.ALERTMANAGER_UP, float(is_up), url),
        )
        transport = partial(PdpyrasTransport, settings.events_url)
        self.sender = Sender(
            settings, self.store, self.meter, transport=transport, views=self._alertmanagers.views,
            is_sending=self.pair.is_sending, delivered=self.pair.delivered,
        )  # fmt: skip
        self._heartbeat = Heartbeat(
            settings, self.store, self.meter, transport=transport, is_sending=self.pair.is_sending, wake=self._wake
        )
        self._reconciler = Reconciler(settings, self.store, self.meter, self._alertmanagers, self.intake)
        self._changes = Changes(settings, self.store, self._wake)
        self._lost = Lost(settings, self.store, self.meter, wake=self._wake)
        self._threads = Threads(lambda task: self.meter.count(catalog.FAULTS, task))

    def start(self) -> None:
        """Begin all work. Raises UnusableError where what is in the store cannot be read."""
        settings = self.settings
        adopt = partial(ledger.adopt, names=settings.keys, default=settings.directory.default, now=time.time())
        try:
            self.store.write(adopt).result()
        except StoreError as fault:
            raise _unkept(fault) from None
        self.pair.changed = self._wake
        self.sender.start(self._threads)
        self.pair.start(self._threads)
        self._threads.every("heartbeat", LOOK_SECONDS, self._heartbeat.look)
        self._threads.every("reconcile", settings.bridge.reconcile_seconds, self._reconcile)
        self._threads.every("lost", LOOK_UP_SECONDS, self._look_up)
        self._threads.every("tidy", TIDY_SECONDS, self._tidy)
        if settings.control is not None:
            self._threads.every("changes", CHANGES_SECONDS, self._changes.look)

    def stop(self) -> None:
        """End: calls under way may finish, what waits stays on disk."""
        self._threads.stopping.set()
        self._wake()
        self._threads.stop()
        self._alertmanagers.close()
        self._changes.close()
        self._lost.close()
        self.store.close()

    def _wake(self) -> None:
        self.sender.wake()

    def _reconcile(self) -> None:
        if self.pair.is_sending():
            self._reconciler.look()

    def _look_up(self) -> None:
        if self.pair.is_sending():
            self._lost.look()

    def _tidy(self) -> None:
        before, now = time.time() - self.settings.retention_seconds, time.time()
        with suppress(StoreError):
            self.store.write(partial(letters.expire, before=before, now=now)).result()


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    set_up("casino.bridge")
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except UnusableError as fault:
        print(f"casino bridge: {fault}", file=sys.stderr)  # noqa: T201 - it is the command's word
        return 2
    return 0


async def _serve(settings: Settings) -> None:
    lock = _claim(settings.state)
    listener = _listener(settings.bridge.listen)
    context = _tls(settings.bridge.tls) if settings.bridge.tls else None
    bridge = Bridge(settings)
    app = build_app(
        settings, bridge.store, bridge.meter, bridge.intake, bridge.pair, name=f"casino-bridge-{os.getpid()}"
    )
    server = await app.create_server(sock=listener, ssl=context, asyncio_server_kwargs={"start_serving": False})
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    bridge.start()
    await server.start_serving()
    await ended.wait()
    server.close()
    for connection in list(server.connections):
        connection.close_if_idle()
    await asyncio.to_thread(bridge.stop)
    Sanic.unregister_app(app)
    lock.release()


def _unkept(fault: Exception) -> UnusableError:
    return UnusableError(
        f"the queue cannot be kept: {fault}. See to the disk and to who may write there; a file that is damaged must be"
        " moved away: Alertmanager tells again of what still fires"
    )


def _claim(state: Path) -> Held:
    """Keep a second bridge out of the same folder."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = hold(state / "lock")
    except OSError as fault:
        raise _unkept(fault) from None
    if lock is None:
        raise UnusableError(f"another bridge runs in {state}")
    return lock


def _listener(text: str) -> socket.socket:
    address = parse_address(text)
    try:
        if address.family == "unix":
            listener = socket.socket(socket.AF_UNIX)
            Path(address.host).unlink(missing_ok=True)
            listener.bind(address.host)
            listener.listen(1024)
            return listener
        family = socket.AF_INET6 if address.family == "ipv6" else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as fault:
        raise UnusableError(f"cannot listen on {text}: {fault.strerror}") from None


def _tls(tls: BridgeTls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.clients)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as fault:
        raise UnusableError(f"the certificate {tls.certificate} cannot be used: {fault}") from None
    if tls.clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _as_caller(bridge: BridgeSpec) -> ssl.SSLContext:
    """How the peer is called: whom to trust, and the certificate to show. Without a peer nothing is read."""
    peer, callers = bridge.peer, bridge.callers
    try:
        context = ssl.create_default_context(cafile=peer.ca if peer else None)
        if peer and callers.certificate:
            context.load_cert_chain(callers.certificate, callers.key)
    except OSError as fault:
        raise UnusableError(f"what the peer is called with cannot be used: {fault}") from None
    return context
