"""Gets a key set from where its issuer keeps it: a URL or a file. Whatever is there, it costs little and is never believed."""

import asyncio
import re
import ssl
import stat
from functools import lru_cache
from pathlib import Path

import httpx
from msgspec import Struct

from gateway.core.keyset import MOST_BYTES

FETCH_SECONDS = 5.0
_HEADERS = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "casino",
}
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})")


class FetchError(Exception):
    """There is nothing; `why` is a word of the metric."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Fetched(Struct, frozen=True):
    """What was there."""

    data: bytes
    max_age_seconds: float | None = None
    """How long it is good for, by its own word (RFC 9111 section 5.2.2.1)."""


async def fetch_url(url: str) -> Fetched:
    """Get a URL: one request, no redirect, no proxy, no compression, certificates verified. Raises FetchError."""
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx.AsyncClient(verify=_context(), trust_env=False, timeout=FETCH_SECONDS) as client,
            client.stream("GET", url, headers=_HEADERS) as answer,
        ):
            if answer.status_code != httpx.codes.OK or "content-encoding" in answer.headers:
                raise FetchError("status")
            return Fetched(await _body(answer), _max_age(answer.headers.get("cache-control", "")))
    except (TimeoutError, httpx.TimeoutException):
        raise FetchError("timeout") from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as fault:
        raise FetchError("unreachable") from fault


async def _body(answer: httpx.Response) -> bytes:
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            raise FetchError("too_large")
    return body


def _max_age(cache_control: str) -> float | None:
    """Read how long an answer may be kept; one that may not be kept is good for 0 s."""
    lower = cache_control.lower()
    if "no-store" in lower or "no-cache" in lower:
        return 0.0
    found = _MAX_AGE.search(lower)
    return float(found[1]) if found else None


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """Trust what the machine trusts, and what SSL_CERT_FILE names."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_file(path: Path) -> Fetched:
    """Read a file. Raises FetchError."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FetchError("unreachable")
        if found.st_size > MOST_BYTES:
            raise FetchError("too_large")
        return Fetched(path.read_bytes())
    except OSError as fault:
        raise FetchError("unreachable") from fault


def stamp(path: Path) -> tuple[int, int, int]:
    """What changes with a file; all 0 while there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
