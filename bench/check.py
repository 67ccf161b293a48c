"""No product is measured before it has shown that it does the work: right answers, a real split, a real log."""

import json

from bench.fetch import fetch, wait_until
from bench.product import DIRECT, PAGE, PAGE_BYTES, SMALL
from bench.serving import Running

REQUESTS = 300
SPLIT_RATIO = (0.03, 0.20)
"""Bounds for the share of v2 among `REQUESTS`: 10 % within more than four standard deviations."""
LOG_SECONDS = 15.0
BODY = b"x" * 10_000


class VerificationError(Exception):
    """The product does not do what it is measured for."""


def verify(running: Running) -> None:
    """Hold an entrant to what every product here must do.

    Raises:
        VerificationError: it does not.

    """
    share = verify_small(running)
    verify_bodies(running)
    if running.entrant.product is not DIRECT:
        low, high = SPLIT_RATIO
        if not low <= share <= high:
            raise VerificationError(f"{share:.1%} of requests went to v2 instead of 10 %")
        verify_log(running)


def expect(running: Running, path: str, *, method: str = "GET", body: bytes = b"") -> bytes:
    status, answer = fetch(running.places.public, path, method=method, body=body)
    if status != 200:
        raise VerificationError(f"{method} {path} was answered with {status}: {answer[:200]!r}")
    return answer


def verify_small(running: Running) -> float:
    """Make `REQUESTS` small requests; hand back the share that v2 answered."""
    seen: list[str] = []
    for _ in range(REQUESTS):
        answer = json.loads(expect(running, SMALL))
        if answer != {"service": "dice", "version": answer.get("version"), "sides": 6, "result": 4}:
            raise VerificationError(f"GET {SMALL} was answered with {answer}")
        seen.append(answer["version"])
    return seen.count("v2") / REQUESTS


def verify_bodies(running: Running) -> None:
    if expect(running, "/file") != b"0123456789abcdef" * 62_500:
        raise VerificationError("a body of 1 MB came down changed")
    if len(expect(running, PAGE)) != PAGE_BYTES:
        raise VerificationError(f"GET {PAGE} was not answered with {PAGE_BYTES} bytes")
    if json.loads(expect(running, "/sink", method="POST", body=BODY * 100)) != {"taken": True}:
        raise VerificationError("a body of 1 MB was not taken")


def log_lines(running: Running) -> list[bytes]:
    return running.log.read_bytes().splitlines() if running.log.exists() else []


def verify_log(running: Running) -> None:
    """Ask for a line for each request, and for JSON of those that have it."""
    if not wait_until(lambda: len(log_lines(running)) >= REQUESTS, LOG_SECONDS):
        raise VerificationError(f"{len(log_lines(running))} log lines for {REQUESTS} requests")
    if running.entrant.product.json_log:
        json.loads(log_lines(running)[-2])
