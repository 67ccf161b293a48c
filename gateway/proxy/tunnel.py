"""A pipe between client and upstream after a 101: bytes both ways, with back-pressure, until one end closes or rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.proxy.exchange import Exchange


class Tunnel:
    """An upgraded exchange."""

    __slots__ = ("_exchange", "_idle_seconds", "_last")

    def __init__(self, exchange: Exchange) -> None:
        service = exchange.service
        assert service is not None
        self._exchange: Exchange = exchange
        self._idle_seconds: float = service.policy.timeouts.idle_seconds
        self._last = 0.0

    def open(self) -> None:
        """Begin, with what the client sent before it saw the 101."""
        self._moved(0)
        early = self._exchange.client.tunnel()
        if early:
            self.up(early)

    def up(self, data: bytes) -> None:
        exchange = self._exchange
        exchange.received += len(data)
        self._moved(len(data))
        connection = exchange.call.connection if exchange.call else None
        if connection:
            connection.write(data)

    def down(self, data: bytes) -> None:
        exchange = self._exchange
        exchange.sent += len(data)
        self._moved(len(data))
        exchange.client.write(data)

    def look(self, now: float) -> None:
        """Close the pipe if both directions rest too long, else look again when they could."""
        due = self._last + self._idle_seconds
        if now >= due:
            self._exchange.tunnel_closed()
        else:
            self._look_again(due)

    def _moved(self, size: int) -> None:
        worker = self._exchange.worker
        worker.slot.beat()
        worker.overload.moved(size)
        self._last = worker.clock()
        self._look_again(self._last + self._idle_seconds)

    def _look_again(self, due: float) -> None:
        call = self._exchange.call
        if call and call.connection:
            call.connection.arm(due)
