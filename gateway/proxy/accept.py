"""Takes connections from the shared listeners, evenly among the workers.

All workers wait on the same queue, so no connection is lost with a worker. One that holds clearly more connections than
another that beats steps back for a moment; it never waits for anybody longer than that. How much is clear grows with
the number: a worker that stepped back for each single one would leave the queue standing when all are busy. While the
queue stands (`backlog`), nobody steps back, and what comes is refused before it has a transport.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from typing import TYPE_CHECKING, Any, Final

from gateway.proxy.backlog import Backlog
from gateway.proxy.secured import Secured
from gateway.store.slot import Slot, Word

if TYPE_CHECKING:
    from gateway.proxy.client import ClientConnection
    from gateway.proxy.entrance import Entrance
    from gateway.proxy.worker import Worker

_BATCH: Final = 32
"""Connections taken in one turn of the loop, about 50 us each."""
_LATE_BATCH: Final = 128
"""The same while turns are long and therefore few: who comes now must not wait for a second to be refused."""
_AHEAD_DIVISOR: Final = 8
"""A worker may hold this part (an eighth) more than another, and one."""
_PEEKED_BYTES: Final = 8 * 1024
"""Of a connection that is to be refused; what says more in its first request is served."""
_READ_BYTES: Final = 64 * 1024
"""Of one that is refused: what is left unread would make its end a reset, which may take the answer along."""
_SAMPLES: Final = 8
"""The last ones of a batch are asked how long they waited, for one alone may have begun to ask just now."""
_LAST_DATA: Final = struct.Struct("@52xI")
"""Milliseconds since a connection sent something, or since it was made: tcpi_last_data_recv in linux/tcp.h."""
_STEP_BACK_SECONDS: Final = 0.002
_ALIVE_NS: Final = 400_000_000
_UNSENT_BYTES: Final = 128 * 1024
"""What the kernel takes beyond what the client's window lets through: else a client that reads nothing holds megabytes of
it, and filling many such buffers at once holds the loop."""
_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_EXHAUSTED_SECONDS: Final = 0.1


class Acceptor:
    """One listener, as one worker uses it."""

    __slots__ = (
        "_backlog", "_batch", "_entrance", "_factory", "_listening", "_peers", "_refused", "_socket", "_tasks", "_worker",
    )  # fmt: skip

    def __init__(
        self, worker: Worker, entrance: Entrance, listening: socket.socket, factory: Any, peers: list[Slot]
    ) -> None:
        self._worker = worker
        self._entrance = entrance
        self._socket = listening
        self._factory = factory
        self._peers = peers
        self._listening = False
        self._backlog = Backlog()
        self._refused: list[tuple[socket.socket, bytes]] = []
        """Who is about to be refused, and the answer."""
        self._batch = _BATCH
        self._tasks: set[Any] = set()

    def start(self) -> None:
        self._socket.setblocking(False)
        self._listening = True
        self._worker.loop.add_reader(self._socket, self._ready)

    def stop(self) -> None:
        if self._listening:
            self._worker.loop.remove_reader(self._socket)
        self._listening = False

    def _ready(self) -> None:
        self._take(0)

    def _take(self, least: int) -> None:
        """Take a batch: at least so many, if there are, though others hold fewer; and if the queue stands, all of it."""
        taken: list[socket.socket] = []
        try:
            while len(taken) < (_LATE_BATCH if self._worker.overload.late else self._batch):
                if len(taken) >= least and not self._backlog.stands and self._is_ahead():
                    self._step_back(_STEP_BACK_SECONDS)
                    break
                connected = self._accept()
                if connected is None:
                    self._backlog.waited(0.0)
                    return
                taken.append(connected)
            waits = [_waited(connected) for connected in taken[-_SAMPLES:] if connected.fileno() >= 0]
            if waits:
                self._backlog.waited(max(waits))
        finally:
            self._refuse()

    def _refuse(self) -> None:
        """Count the refusals of a batch, then send them."""
        self._batch = _LATE_BATCH if self._refused else _BATCH
        if not self._refused:
            return
        worker, count = self._worker, len(self._refused)
        worker.shedding.settle()
        worker.count_connection(count)
        for connected, answer in self._refused:
            with contextlib.suppress(OSError):
                connected.recv(_READ_BYTES)
                connected.send(answer)
            connected.close()
        worker.count_connection(-count)
        self._refused.clear()

    def _is_ahead(self) -> bool:
        """Say whether another worker that is alive holds clearly fewer connections."""
        own = self._worker.words[Word.CONNECTIONS]
        if not self._peers or not own:
            return False
        alive = time.monotonic_ns() - _ALIVE_NS
        few = own - own // _AHEAD_DIVISOR
        return any(
            peer.words[Word.CONNECTIONS] < few and peer.words[Word.HEARTBEAT] > alive and peer.words[Word.GENERATION]
            for peer in self._peers
        )

    def _step_back(self, seconds: float) -> None:
        self._worker.loop.remove_reader(self._socket)
        self._worker.loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if self._listening:
            self._worker.loop.add_reader(self._socket, self._ready)
            self._take(1)

    def _accept(self) -> socket.socket | None:
        """Take one connection, be it to close it at once; None if there is none."""
        try:
            connected, address = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return None
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._step_back(_EXHAUSTED_SECONDS)
            return None
        peer = address[0] if isinstance(address, tuple) else ""
        worker = self._worker
        if not worker.admits(peer):
            connected.close()
            return connected
        connected.setblocking(False)
        client = self._factory(peer=peer, entrance=self._entrance)
        if self._backlog.refuses and self._is_refused(client, connected):
            return connected
        if peer:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        worker.count_connection(1)
        task = worker.loop.create_task(self._connect(connected, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return connected

    def _is_refused(self, client: ClientConnection, connected: socket.socket) -> bool:
        """Refuse what a new connection asks for, if that can be told from what has come, at a fraction of what a transport costs."""
        if self._entrance.keyring or self._entrance.preface:
            return False
        try:
            asked = connected.recv(_PEEKED_BYTES, socket.MSG_PEEK)
        except OSError:  # nothing has come
            return False
        answer = self._worker.shedding.refusal(client, asked)
        if answer:
            self._refused.append((connected, answer))
        return bool(answer)

    async def _connect(self, connected: socket.socket, client: ClientConnection) -> None:
        worker, entrance = self._worker, self._entrance
        protocol = Secured(client, worker.handshakes, entrance.keyring) if entrance.keyring else client
        try:
            await worker.loop.connect_accepted_socket(lambda: protocol, connected)
        except OSError:  # gone before it began
            worker.count_connection(-1)
            connected.close()


def _waited(connected: socket.socket) -> float:
    """Say for how many seconds what a new connection asks for has been there; 0 where the kernel does not tell."""
    try:
        told = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA.size)
    except OSError:  # it was closed at once, or is no TCP
        return 0.0
    return float(_LAST_DATA.unpack(told)[0]) / 1e3
