"""Webhooks at a rate that is kept whatever answers (open loop): latency counts from the moment each was due."""

import asyncio
import json
import time

from tests.alerts.pagerduty.bridges import alert, webhook

CONNECTIONS = 50


def request(body: bytes) -> bytes:
    head = f"POST /alertmanager HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def webhooks(count: int, alerts_each: int = 1) -> list[bytes]:
    """Make webhooks of alerts that are all different."""
    return [
        request(json.dumps(webhook(*(alert(number=f"{name}-{each}") for each in range(alerts_each)))).encode())
        for name in range(count)
    ]


def flood(port: int, requests: list[bytes], per_second: float) -> tuple[list[float], list[int]]:
    """Send them all; return how long each took, in seconds, and its status."""
    return asyncio.run(_flood(port, requests, per_second))


async def _flood(port: int, requests: list[bytes], per_second: float) -> tuple[list[float], list[int]]:
    idle: asyncio.Queue = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    began = time.monotonic()

    async def one(content: bytes, due: float) -> tuple[float, int]:
        reader, writer = await idle.get()
        writer.write(content)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        idle.put_nowait((reader, writer))
        return time.monotonic() - due, int(head.split()[1])

    sent = []
    for number, content in enumerate(requests):  # a task for each from the start would make the first ones late
        due = began + number / per_second
        while (left := due - time.monotonic()) > 0:
            await asyncio.sleep(left)
        sent.append(asyncio.create_task(one(content, due)))
    took = await asyncio.gather(*sent)
    while not idle.empty():
        idle.get_nowait()[1].close()
    return [seconds for seconds, _ in took], [status for _, status in took]
