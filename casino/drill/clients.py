"""Clients that behave badly: too many connections, too many requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import NoReturn

import httpx

KNOCK_SECONDS = 0.2

Address = tuple[str, int]


@asynccontextmanager
async def crowd(address: Address, clients: int) -> AsyncIterator[None]:
    """Keep that many connections open, and knock for more."""
    async with kept_on(*(_stay(address) for _ in range(clients)), _knock(address)):
        yield


@asynccontextmanager
async def asking(
    address: Address, path: str, per_second: float, headers: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Send requests at a steady rate, whatever is answered."""
    # Each waits for its answers: so many that a slow service behind the gateway slows nobody down. They share one client,
    # since each would read every authority of the system first.
    askers = max(1, round(per_second))
    base_url = f"http://{address[0]}:{address[1]}"
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=2.0, headers=dict(headers or {})) as client,
        kept_on(*(_ask(client, path, per_second / askers) for _ in range(askers))),
    ):
        yield


@asynccontextmanager
async def kept_on(*work: Coroutine[object, object, NoReturn]) -> AsyncIterator[None]:
    """Let some work go on meanwhile, and end it."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _stay(address: Address) -> NoReturn:
    """Hold one connection; who is turned away comes again."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(*address)
            try:
                await reader.read()
            finally:
                writer.close()
        await asyncio.sleep(KNOCK_SECONDS)


async def _knock(address: Address) -> NoReturn:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(*address)
            writer.close()
        await asyncio.sleep(KNOCK_SECONDS)


async def _ask(client: httpx.AsyncClient, path: str, per_second: float) -> NoReturn:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        with contextlib.suppress(httpx.HTTPError):
            await client.get(path)
        due = max(due + 1 / per_second, loop.time() - 1.0)
        await asyncio.sleep(due - loop.time())
