"""A pipe between client and upstream after a 101: bytes both ways, with back-pressure, until one end closes or rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.upstream import UpstreamConnection


class Tunnel:
    """An upgraded exchange."""

    __slots__ = ("_exchange", "_idle_seconds", "_last", "_upstream")

    def __init__(self, exchange: Exchange, upstream: UpstreamConnection) -> None:
        service = exchange.service
        assert service is not None
        self._exchange: Exchange = exchange
        self._upstream: UpstreamConnection = upstream
        self._idle_seconds: float = service.policy.timeouts.idle_seconds
        self._rest()
        early = exchange.client.tunnel()
        if early:
            exchange.tunnel = self
            exchange.tunnel_up(early)

    def up(self, data: bytes) -> None:
        self._rest()
        self._upstream.write(data)

    def down(self, data: bytes) -> None:
        self._rest()
        self._exchange.client.write(data)

    def is_idle(self, now: float) -> bool:
        """Say whether both directions rest too long; looked at again when they could."""
        due = self._last + self._idle_seconds
        if now < due:
            self._upstream.arm(due)
        return now >= due

    def _rest(self) -> None:
        self._last = self._exchange.worker.clock()
        self._upstream.arm(self._last + self._idle_seconds)
