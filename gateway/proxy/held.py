"""Bytes that a connection holds back while its turn is over: they are read behind what the loop reads next.

Callbacks that are put off run before the loop reads. A client that sent many requests at once would be the first in each turn,
whose end is refused when it is long; so its next one is put off twice, and only once however often it sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from gateway.proxy.client import ClientConnection


class Held:
    """Who holds bytes that are about to be read, in one worker."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: set[ClientConnection] = set()

    def put(self, client: ClientConnection) -> None:
        """Let a connection go on with what it holds, in its turn."""
        if client not in self._waiting:
            self._waiting.add(client)
            self._loop.call_soon(self._loop.call_soon, self._read, client)

    def _read(self, client: ClientConnection) -> None:
        self._waiting.discard(client)
        client.data_received(b"")
