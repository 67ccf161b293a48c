"""The closed loop: wrk, a single-threaded C program that keeps connections busy, and what it says.

The open loop is our own (`openloop`), and so are TLS handshakes (`handshakes`).
"""

import subprocess
from collections.abc import Mapping

import msgspec

from bench.machine import UnfitError, pinned
from bench.openloop import GRACE_SECONDS
from bench.product import HERE, find


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What a closed loop saw. `failed` counts socket errors, timeouts and statuses above 399."""

    requests: int
    seconds: float
    received_bytes: int
    failed: int
    p50_seconds: float
    p99_seconds: float


def wrk(
    url: str,
    *,
    seconds: float,
    core: int,
    connections: int = 64,
    post_bytes: int = 0,
    unique: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Keep `connections` busy with one request each; with `post_bytes`, POST a body of that size.

    `unique` gives every request a header of its own.

    Raises:
        UnfitError: wrk is not installed.
        subprocess.SubprocessError: it failed, or did not end.

    """
    program = find("wrk")
    if program is None:
        raise UnfitError("wrk is not installed (Debian: apt-get install wrk)")
    whole = max(1, round(seconds))
    words = [f"-c{connections}", f"-d{whole}s", "--timeout", "10s", "-s", str(HERE / "wrk.lua")]
    lines = [word for name, value in (headers or {}).items() for word in ("-H", f"{name}: {value}")]
    script = ["--", "POST", str(post_bytes)] if post_bytes else ["--", "UNIQUE"] if unique else []
    with pinned(core):
        done = subprocess.run(
            [program, "-t1", *words, *lines, url, *script],
            capture_output=True,
            text=True,
            timeout=whole + GRACE_SECONDS,
            check=True,
        )
    return parse_wrk(done.stdout)


def parse_wrk(text: str) -> Load:
    """Read the line of JSON that wrk.lua prints after wrk's own summary."""
    return msgspec.json.decode(text.rstrip().rsplit("\n", 1)[-1], type=Load)
