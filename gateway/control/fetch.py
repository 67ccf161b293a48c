"""Gets a key set from where its issuer keeps it: a URL or a file. Whatever is there, it costs little and is never believed."""

import asyncio
import re
import ssl
import stat
from enum import StrEnum
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


class Fault(StrEnum):
    """Why there is nothing; a word of the metric."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    STATUS = "status"
    """An answer, and no key set."""
    TOO_LARGE = "too_large"


class FetchError(Exception):
    """There is nothing."""

    def __init__(self, why: Fault) -> None:
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
                raise FetchError(Fault.STATUS)
            return Fetched(await _body(answer), _max_age(answer.headers.get("cache-control", "")))
    except (TimeoutError, httpx.TimeoutException):
        raise FetchError(Fault.TIMEOUT) from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as fault:
        raise FetchError(Fault.UNREACHABLE) from fault


async def _body(answer: httpx.Response) -> bytes:
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            raise FetchError(Fault.TOO_LARGE)
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
            raise FetchError(Fault.UNREACHABLE)
        if found.st_size > MOST_BYTES:
            raise FetchError(Fault.TOO_LARGE)
        return Fetched(path.read_bytes())
    except OSError as fault:
        raise FetchError(Fault.UNREACHABLE) from fault
