"""The results as Markdown: verdicts first, then one table per scenario, then how it was done. Pure."""

import msgspec

from bench.results import Results
from bench.targets import OFFERED_PERCENT, Verdict, judge_all

MICRO, MILLI, MEGA = 1e-6, 1e-3, 1e6


class Column(msgspec.Struct, frozen=True):
    """One value as people read it."""

    head: str
    key: str
    scale: float = 1.0
    digits: int = 0


RATE = Column("requests/s", "requests_per_second")
CPU = Column("CPU µs/request", "cpu_seconds_per_request", MICRO, 1)
P50 = Column("p50 ms", "p50_seconds", MILLI, 2)
P99 = Column("p99 ms", "p99_seconds", MILLI, 2)
FAILED = Column("failed", "failed")
MEMORY = Column("memory MB (PSS)", "pss_bytes", MEGA)
BUSY = Column("its core busy %", "product_busy_ratio", 0.01)
LOAD = Column("load core busy %", "load_busy_ratio", 0.01)
BODIES = Column("MB/s", "body_bytes_per_second", MEGA)
EACH = Column("kB/connection", "growth_bytes_per_connection", 1e3)
IDLE = (
    MEMORY,
    Column("worker MB (RSS)", "worker_rss_bytes", MEGA),
    Column("kB/connection", "bytes_per_connection", 1e3, 1),
    FAILED,
)
SHAKEN = (
    Column("connections/s", "connections_per_second"),
    Column("CPU µs/connection", "cpu_seconds_per_connection", MICRO, 1),
    Column("resumed %", "resumed_ratio", 0.01),
    P50,
    P99,
    FAILED,
    BUSY,
    LOAD,
)
OVERLOADED = (
    Column("peak/s", "peak_per_second"),
    Column("offered % of the peak", "offered_ratio", 0.01),
    Column("goodput % of the peak", "goodput_ratio", 0.01),
    Column("good/s", "goodput_per_second"),
    Column("503/s", "shed_per_second"),
    Column("no answer in 1 s, %", "gave_up_ratio", 0.01),
    Column("good p99 ms", "good_p99_seconds", MILLI),
    Column("503 p99 ms", "shed_p99_seconds", MILLI),
    FAILED,
    Column("connections", "connections"),
    Column("tries", "tries"),
    Column("health answered %", "health_ratio", 0.01),
    LOAD,
)
CLOSED = (RATE, CPU, P50, P99, FAILED, BUSY, LOAD)

TABLES: dict[str, tuple[str, tuple[Column, ...]]] = {
    "get": ("Small JSON GET, keep-alive, 64 connections", (RATE, CPU, P50, P99, FAILED, MEMORY, BUSY, LOAD)),
    "unique": ("The same, with a header of its own in every request", CLOSED),
    "post": ("POST of 10 kB, 64 connections", (RATE, CPU, P50, P99, FAILED, MEMORY, BUSY, LOAD)),
    "down": ("1 MB bodies down, 64 connections", (BODIES, CPU, P99, FAILED, MEMORY, EACH, BUSY, LOAD)),
    "up": ("1 MB bodies up, 64 connections", (BODIES, CPU, P99, FAILED, MEMORY, EACH, BUSY, LOAD)),
    "latency": (
        "Latency at 1,000 requests/s, open loop",
        (P50, P99, Column("p99.9 ms", "p999_seconds", MILLI, 2), CPU, FAILED),
    ),
    "idle": ("10,000 idle keep-alive connections", IDLE),
    "overload": ("Twice the capacity offered, open loop, pages of 128 kB", OVERLOADED),
    "overload-small": ("Twice the capacity offered, open loop, small JSON GET", OVERLOADED),
    "workers": (
        "Two workers against one, on one core, 4,000 requests/s offered",
        (RATE, CPU, Column("busier worker's connections %", "busiest_share_ratio", 0.01), FAILED),
    ),
    "features": ("Cost of each feature of Casino, small GET", (RATE, CPU, P99, FAILED)),
    "guarded": ("A limiter and API keys on, small GET", CLOSED),
    "tls": ("Small JSON GET over TLS 1.3, keep-alive, 64 connections", CLOSED),
    "handshakes": ("TLS 1.3 connections with a full handshake and one GET each, 8 clients", SHAKEN),
    "resumed": ("TLS 1.3 connections that resume a session, one GET each, 8 clients", SHAKEN),
    "idle-tls": ("10,000 idle TLS connections", IDLE),
    "reload": (
        "Twenty reloads under load, 4,000 requests/s offered",
        (RATE, P99, Column("reloads applied", "reloads"), FAILED, Column("of them 503", "shed")),
    ),
}
BASES = {"features": "plain", "workers": "casino, 1 worker", "latency": "direct"}
"""What the last column of a table compares with; elsewhere Casino."""
RATIOS = {
    **dict.fromkeys(("get", "unique", "post", "guarded", "tls"), RATE.key),
    **dict.fromkeys(("down", "up"), BODIES.key),
    **dict.fromkeys(("handshakes", "resumed"), SHAKEN[0].key),
}
"""The value of which the last column says how many times another's Casino's is."""


def markdown(results: Results, *, plot: str | None = None) -> str:
    """Render the whole report."""
    parts = [
        "# Benchmarks\n",
        "Written by `casino bench --publish`; do not edit.\n",
        describe(results),
        targets_table(results),
        *([f"![Casino and its peers]({plot})\n"] if plot else []),
        *(table(results, scenario) for scenario in TABLES if results.entrants(scenario)),
        problems(results),
        METHOD,
    ]
    return "\n".join(part for part in parts if part)


def describe(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {version}".strip() for name, version in results.versions.items())
    return (
        f"{results.when}; {machine.processor}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, "
        f"{machine.system}, Linux {machine.kernel}, Python {machine.python}. "
        f"{results.rounds} interleaved rounds of {results.seconds:.0f} s; medians.\n\n{versions}.\n"
        + "".join(f"\nMeasured again: {name}, {when}.\n" for name, when in results.again.items())
    )


def rows(lines: list[list[str]]) -> str:
    """Lay out a Markdown table; the first line is its head, the first column is text."""
    head, *body = lines
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *body]) + "\n"


def targets_table(results: Results) -> str:
    lines = judge_all(results)
    passed = sum(line.verdict is Verdict.PASS for line in lines)
    failed = sum(line.verdict is Verdict.FAIL for line in lines)
    body = [[line.what, line.bound, line.measured, line.verdict.value] for line in lines]
    summary = f"{passed} reached, {failed} missed, {len(lines) - passed - failed} not measured.\n"
    return "## Targets\n\n" + summary + "\n" + rows([["what", "target", "measured", ""], *body])


def table(results: Results, scenario: str) -> str:
    title, columns = TABLES[scenario]
    comparison = compare_head(scenario)
    head = ["", *(column.head for column in columns), *([comparison] if comparison else [])]
    body = [
        [
            entrant,
            *(cell(results.median(scenario, entrant, column.key), column) for column in columns),
            *([compare(results, scenario, entrant)] if comparison else []),
        ]
        for entrant in results.entrants(scenario)
    ]
    notes = "".join(note(results, scenario) for note in (limits, unoffered, disturbed))
    return f"## {title}\n\n" + rows([head, *body]) + notes


def cell(value: float | None, column: Column) -> str:
    return "-" if value is None else f"{value / column.scale:,.{column.digits}f}"


def compare_head(scenario: str) -> str:
    if scenario in RATIOS:
        return "Casino is"
    return {"latency": "added p50 / p99 ms", "features": "CPU over plain µs", "workers": "CPU over one"}.get(
        scenario, ""
    )


def compare(results: Results, scenario: str, entrant: str) -> str:
    """Fill the last column: a ratio or a difference taken within each round."""
    if scenario == "latency":
        both = [results.added(scenario, key, entrant, "direct") for key in ("p50_seconds", "p99_seconds")]
        return " / ".join("-" if value is None else f"{value / MILLI:.2f}" for value in both)
    if scenario == "features":
        value = results.added(scenario, CPU.key, entrant, BASES[scenario])
        return "-" if value is None else f"{value / MICRO:+.1f}"
    if scenario == "workers":
        value = results.ratio(scenario, CPU.key, entrant, BASES[scenario])
    else:
        value = results.ratio(scenario, RATIOS[scenario], "casino", entrant)
    return "-" if value is None else f"{value:.2f} x"


def limits(results: Results, scenario: str) -> str:
    """Name those whose number is the generator's limit: the load core was full while theirs was not."""
    bound = [
        entrant
        for entrant in results.entrants(scenario)
        if entrant != "direct"
        and (results.median(scenario, entrant, LOAD.key) or 0) > 0.93
        and (results.median(scenario, entrant, BUSY.key) or 1) < 0.93
    ]
    return f"\nLimited by the generator's core, not their own: {', '.join(bound)}.\n" if bound else ""


def unoffered(results: Results, scenario: str) -> str:
    """Name those that were never offered twice their capacity: the generator's core was full, or connections ran out."""
    found = {name: results.median(scenario, name, "offered_ratio") for name in results.entrants(scenario)}
    short = [
        f"{name} ({ratio:.0%})" for name, ratio in found.items() if ratio is not None and ratio < OFFERED_PERCENT / 100
    ]
    return f"\nThe offer was not made, so nothing is said of their goodput: {', '.join(short)}.\n" if short else ""


def disturbed(results: Results, scenario: str) -> str:
    """Name those whose core was not theirs alone; interrupts account for a few percent."""
    shares = {name: results.median(scenario, name, "others_ratio") or 0 for name in results.entrants(scenario)}
    shared = [f"{name} ({share:.0%})" for name, share in shares.items() if share > 0.1 and name != "direct"]
    return f"\nDisturbed, as other processes used the product's core: {', '.join(shared)}.\n" if shared else ""


def problems(results: Results) -> str:
    if not results.problems:
        return ""
    lines = [
        f"- {problem.entrant} ({problem.scenario or 'everywhere'}): {problem.reason}" for problem in results.problems
    ]
    return "## Not measured\n\n" + "\n".join(lines) + "\n"


METHOD = """## How it was done

- Generator (wrk, or our own in bench/openloop.c and bench/handshakes.py) and upstream (nginx) share one core; all
  processes of a product are pinned on another: supervisor, control and log writer of Casino too. CPU seconds are those
  of the whole process tree.
- Every product does the same work: JSON access log (to memory, so that no disk is measured), split 90/10 over two
  clusters, keep-alive on both sides, request ids and metrics where it has them. `bench/peers` holds each configuration
  with its reasons. Before it is measured, each shows right answers, a real split and a line of log per request.
- `lura` is the engine of KrakenD CE, built from its source because no KrakenD was installed: with KrakenD's plain line
  of log per request, without its metrics or any limiter.
- Each measurement has a fresh process tree; rounds are interleaved; ratios are taken within a round, then the median.
- Open-loop latency counts from the time a request was due, so no stall hides (coordinated omission).
- Twice the capacity is an open loop, too: there are connections for what is under way in 0.25 s (10,000 at most), of
  which as few are used as are needed, a request that finds none at rest opens one (16,000 at most), and a client
  without an answer after 1 s is gone. Offered is what left within 0.1 s of its time, over the peak that a closed loop
  of 64 connections found right before or after. Below 190 % the offer was not made and no goodput is judged.
  Peers are asked once; Casino in each round, and when the offer was missed again, three times at most: the median of
  goodput and of the time of a 503 is judged, and the worst round of what must not happen.
- TLS is version 1.3 with HTTP/1.1 and the same kind of certificate (ECDSA on P-256), made for the run.
- `direct` is the upstream alone, on the generator's core: the most the generator could have shown.
"""
