"""The kinds of slow and broken peers, and what each must get.

`python -m tests.faults.kinds` is the upstream that does all of it and prints its URL; with a port, all clients come there for
ever.
"""

import asyncio
import sys
from itertools import chain, repeat

from tests.faults.hostile import all_of, talk
from tests.faults.load import get
from tests.faults.upstreams import Peer, Upstream

HEAD = b"GET /plain HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /hang HTTP/1.1\r\nHost: a\r\n"
SIZED = POST + b"Content-Length: 10000000\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTES_26 = 26 * 1024 * 1024


def slow(first, piece):
    return chain([first], repeat(piece))


def megabytes_of(first, piece):
    return chain([first], repeat(piece, MEGABYTES_26 // len(piece)))


CLIENTS = {
    "a head byte by byte": (lambda: slow(HEAD + b"X-A: ", b"a"), 0.1, (408, "head_timeout")),
    "a head line by line": (lambda: slow(HEAD, b"X-A: a\r\n"), 0.1, (408, "head_timeout")),
    "a body byte by byte": (lambda: slow(SIZED, b"a"), 0.2, (408, "body_too_slow")),
    "a chunked body byte by byte": (lambda: slow(CHUNKED, b"1\r\na\r\n"), 0.2, (408, "body_too_slow")),
    "a body that takes too long": (lambda: slow(SIZED, b"a" * 1000), 0.1, (408, "body_timeout")),
    "a chunk size without end": (lambda: slow(CHUNKED, b"0" * 1000), 0.0, (400, "bad_request")),
    "a chunk extension without end": (lambda: slow(CHUNKED + b"5;", b"a" * 1000), 0.0, (400, "bad_request")),
    "26 MB of one header": (lambda: megabytes_of(HEAD + b"X-A: ", b"a" * 65536), 0.0, (431, "head_too_large")),
    "26 MB of a target": (lambda: megabytes_of(b"GET /", b"a" * 65536), 0.0, (414, "target_too_long")),
    "100,000 headers": (lambda: [HEAD + b"X-A: a\r\n" * 100_000 + b"\r\n"], 0.0, (431, "head_too_large")),
}
UPSTREAMS = {
    Peer.hang: (504, "first_byte_timeout"),
    Peer.reset: (502, "upstream_reset"),
    Peer.head_without_end: (502, "upstream_protocol"),
    Peer.reset_within_the_body: (200, False),
    Peer.reset_instead_of_an_end: (200, False),
    Peer.end_early: (200, False),
    Peer.chunk_size_without_end: (200, False),
    Peer.body_without_end: (200, False),
    Peer.say_more_than_promised: (200, True),
}
"""By path, what an upstream does, and the answer: status, and failure or whether it comes whole."""


def spoiling() -> Upstream:
    """An upstream that does all of it."""
    return Upstream(**{answer.__name__: answer for answer in UPSTREAMS})


async def come(port, pieces, pause_seconds=0.0) -> None:
    """Come again a second after each end."""
    while True:
        await talk(port, pieces(), pause_seconds=pause_seconds)
        await asyncio.sleep(1)


def serve() -> None:
    with spoiling() as upstream:
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


def call(port: int) -> None:
    asked = [[get(f"/{answer.__name__}", "Connection: close")] for answer in UPSTREAMS]
    clients = [come(port, pieces, pause_seconds) for pieces, pause_seconds, _ in CLIENTS.values()]
    all_of([*clients, *(come(port, lambda request=request: request) for request in asked)])


if __name__ == "__main__":
    call(int(sys.argv[1])) if sys.argv[1:] else serve()
