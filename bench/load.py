"""The load generators, and what they say: wrk for a closed loop, h2load for an offered rate.

Both are single-threaded C programs; the open loop that judges latency is our own (`openloop`).
"""

import re
import subprocess
from pathlib import Path

import msgspec

from bench.machine import pinned
from bench.product import HERE, find

GRACE_SECONDS = 30.0
"""How long beyond its own duration a generator may take before it is stopped."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What a closed loop saw. `failed` counts socket errors, timeouts and statuses above 399."""

    requests: int
    seconds: float
    received_bytes: int
    failed: int
    p50_seconds: float
    p99_seconds: float


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an offered rate."""

    requests: int
    failed: int
    """Those without any answer; 5xx are answers."""
    seconds: float
    answers: dict[int, list[float]] = {}
    """Seconds each answer took from the request sent, by status."""


def run(command: list[str], seconds: float, core: int) -> str:
    """Run one generator to its end and hand back what it printed.

    Raises:
        SystemExit: it is not installed.
        subprocess.SubprocessError: it failed, or did not end.

    """
    program = find(command[0])
    if program is None:
        raise SystemExit(f"bench: {command[0]} is not installed (Debian: apt-get install wrk nghttp2-client)")
    with pinned(core):
        done = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, timeout=seconds + GRACE_SECONDS, check=True
        )
    return done.stdout


def wrk(
    url: str, *, seconds: float, core: int, connections: int = 64, post_bytes: int = 0, unique: bool = False
) -> Load:
    """Keep `connections` busy with one request each; with `post_bytes`, POST a body of that size.

    `unique` gives every request a header of its own.
    """
    body = ["--", "POST", str(post_bytes)] if post_bytes else ["--", "UNIQUE"] if unique else []
    whole = max(1, round(seconds))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "10s", "-s", str(HERE / "wrk.lua"), url]
    return parse_wrk(run([*command, *body], whole, core))


def parse_wrk(text: str) -> Load:
    """Read the line of JSON that wrk.lua prints after wrk's own summary."""
    return msgspec.json.decode(text.rstrip().rsplit("\n", 1)[-1], type=Load)


def h2load(url: str, *, seconds: float, core: int, connections: int, rate: float | None = None, log: Path) -> Offered:
    """Offer `rate` requests a second over HTTP/1.1 (None: as fast as the answers come), one at a time per connection."""
    whole = max(1, round(seconds))
    pace = [f"--rps={rate / connections:.3f}"] if rate else []
    log.unlink(missing_ok=True)
    command = ["h2load", "--h1", f"-c{connections}", f"-D{whole}", *pace, f"--log-file={log}", url]
    offered = parse_h2load(run(command, whole, core))
    return msgspec.structs.replace(offered, answers=parse_h2load_log(log.read_text()))


def parse_h2load(text: str) -> Offered:
    """Read h2load's summary: `requests: 2000 total, ..., 1 failed, ...` and `finished in 2.00s, ...`.

    Raises:
        ValueError: the text holds no summary.

    """
    counts = re.search(r"^requests: (\d+) total, .* (\d+) done, .* (\d+) errored, (\d+) timeout", text, re.MULTILINE)
    finished = re.search(r"^finished in ([\d.]+)(us|ms|s|m|h)", text, re.MULTILINE)
    if counts is None or finished is None:
        raise ValueError(f"no summary of h2load in: {text[-500:]!r}")
    scale = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}[finished[2]]
    return Offered(
        requests=int(counts[2]),
        failed=int(counts[3]) + int(counts[4]),
        seconds=float(finished[1]) * scale,
    )


def parse_h2load_log(text: str) -> dict[int, list[float]]:
    """Read `--log-file`: start in microseconds, status (-1: none), microseconds to the end of the answer."""
    answers: dict[int, list[float]] = {}
    for line in text.splitlines():
        _, status, micros = line.split("\t")
        answers.setdefault(int(status), []).append(int(micros) / 1e6)
    return answers
