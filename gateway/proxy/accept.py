"""Takes connections from the shared listeners, evenly among the workers.

All workers wait on the same queue, so no connection is lost with a worker. One that holds clearly more connections than
another that beats steps back for a moment; it never waits for anybody longer than that. How much is clear grows with
the number: a worker that stepped back for each single one would leave the queue standing when all are busy.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from gateway.proxy.secured import Secured
from gateway.store.slot import Slot, Word

if TYPE_CHECKING:
    from gateway.proxy.entrance import Entrance
    from gateway.proxy.worker import Worker

_BATCH: Final = 32
"""Connections taken in one turn of the loop, about 50 us each."""
_AHEAD_DIVISOR: Final = 8
"""A worker may hold this part (an eighth) more than another, and one."""
_STEP_BACK_SECONDS: Final = 0.002
_ALIVE_NS: Final = 400_000_000
_UNSENT_BYTES: Final = 128 * 1024
"""What the kernel takes beyond what the client's window lets through: else a client that reads nothing holds megabytes of
it, and filling many such buffers at once holds the loop."""
_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_EXHAUSTED_SECONDS: Final = 0.1


class Acceptor:
    """One listener, as one worker uses it."""

    __slots__ = ("_entrance", "_factory", "_listening", "_peers", "_socket", "_tasks", "_worker")

    def __init__(
        self, worker: Worker, entrance: Entrance, listening: socket.socket, factory: Any, peers: list[Slot]
    ) -> None:
        self._worker = worker
        self._entrance = entrance
        self._socket = listening
        self._factory = factory
        self._peers = peers
        self._listening = False
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
        for _ in range(_BATCH):
            if self._is_ahead():
                self._step_back(_STEP_BACK_SECONDS)
                return
            if not self._accept():
                return

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
            if self._accept():
                self._ready()

    def _accept(self) -> bool:
        try:
            connected, address = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._step_back(_EXHAUSTED_SECONDS)
            return False
        peer = address[0] if isinstance(address, tuple) else ""
        worker = self._worker
        if not worker.admits(peer):
            connected.close()
            return True
        connected.setblocking(False)
        if peer:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        worker.count_connection(1)
        task = worker.loop.create_task(self._connect(connected, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _connect(self, connected: socket.socket, peer: str) -> None:
        worker, entrance = self._worker, self._entrance
        client = self._factory(peer=peer, entrance=entrance)
        protocol = Secured(client, worker.handshakes, entrance.keyring) if entrance.keyring else client
        try:
            await worker.loop.connect_accepted_socket(lambda: protocol, connected)
        except OSError:  # gone before it began
            worker.count_connection(-1)
            connected.close()
