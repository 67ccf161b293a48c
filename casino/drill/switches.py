"""The switches of a ground's games, several of which may be on for different faults at once."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx

from casino.drill.ground import Site

PATIENCE_SECONDS = 30.0
"""A game that is slow on purpose, on a machine that is busy, still takes a switch."""


@asynccontextmanager
async def spoiled(site: Site, seats: Iterable[str], **switches: str) -> AsyncIterator[None]:
    """Set switches of games, beside those that others have set, and put them back."""
    chosen = tuple(seats)
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        for seat in chosen:
            await _set(site, client, seat, switches)
        try:
            yield
        finally:
            for seat in chosen:
                await _set(site, client, seat, dict.fromkeys(switches))


async def _set(site: Site, client: httpx.AsyncClient, seat: str, switches: dict[str, str] | dict[str, None]) -> None:
    held = site.switches.setdefault(seat, {})
    held.update({name: value for name, value in switches.items() if value is not None})
    for name in [name for name, value in switches.items() if value is None]:
        held.pop(name, None)
    answer = await client.put(f"{site.seat_url(seat)}/switches", json=held)
    answer.raise_for_status()
