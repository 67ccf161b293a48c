"""A little traffic for the local stack: both games, some of it from testers, at a rate that is kept whatever answers."""

import argparse
import asyncio
import itertools
import time
from collections.abc import Sequence

import httpx

MIX: tuple[tuple[str, dict[str, str]], ...] = (
    ("/roll/6", {}),
    ("/cards/5", {}),
    ("/roll/20", {}),
    ("/vip/6", {"x-api-key": "casino_demo"}),
    ("/cards/2", {}),
    ("/roll/6", {}),
    ("/cards/5", {"x-beta": "1"}),
)
"""What is asked for in turn."""
MOST_IN_FLIGHT = 50
"""When that many requests wait for an answer, the next ones are left out: a slow gateway is not buried."""
PATIENCE_SECONDS = 5.0


async def play(base_url: str, per_second: float) -> None:
    """Send the mix for ever."""
    limits = httpx.Limits(max_connections=MOST_IN_FLIGHT)
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=PATIENCE_SECONDS, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        in_flight: set[asyncio.Task[None]] = set()
        began = time.monotonic()
        for number, (path, headers) in enumerate(itertools.cycle(MIX)):
            await asyncio.sleep(began + number / per_second - time.monotonic())
            if len(in_flight) < MOST_IN_FLIGHT:
                task = group.create_task(_ask(client, path, headers))
                in_flight.add(task)
                task.add_done_callback(in_flight.discard)


async def _ask(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    try:
        await client.get(path, headers=headers)
    except httpx.TransportError as error:
        # One line in the part's log; the gateway's own metrics are the place to look.
        print(f"{path}: {type(error).__name__}", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m casino.load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=20.0, help="requests per second")
    options = parser.parse_args(words)
    asyncio.run(play(options.url, options.rate))


if __name__ == "__main__":
    main()
