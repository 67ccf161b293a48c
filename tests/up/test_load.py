import asyncio
import time

import pytest

from casino.load import MIX, play


@pytest.fixture
def heard():
    return []


async def listen(heard: list[str], *, answers: bool) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                heard.append(head.decode())
                if answers:
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def loaded(heard: list[str], *, per_second: float, until: int, answers: bool = True) -> float:
    """Play until so many requests were heard; return how long it took."""
    server = await listen(heard, answers=answers)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    began = time.monotonic()
    task = asyncio.create_task(play(url, per_second))
    async with asyncio.timeout(20):
        while len(heard) < until:
            await asyncio.sleep(0.005)
    took = time.monotonic() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.close()
    return took


def test_both_games_are_asked_and_some_testers_are_among_them(heard):
    asyncio.run(loaded(heard, per_second=500, until=3 * len(MIX)))
    paths = {head.split()[1] for head in heard}
    assert {"/roll/6", "/cards/5"} <= paths
    assert sum("x-beta: 1" in head.lower() for head in heard) >= 2


def test_the_rate_is_not_exceeded(heard):
    took = asyncio.run(loaded(heard, per_second=100, until=50))
    assert took >= 0.45


def test_a_slow_gateway_does_not_slow_the_rate(heard):
    took = asyncio.run(loaded(heard, per_second=100, until=30, answers=False))
    assert took < 5
