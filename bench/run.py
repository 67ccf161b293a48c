"""One run: which scenarios there are, and the order in which their entrants are measured.

Rounds are interleaved (A B C, A B C), each measurement on a process tree of its own. An entrant that does not
come up or does its work wrongly is left out from then on, one that breaks its generator is left out of that scenario;
the reason stands in the results, and the run goes on.
"""

import http.client
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from bench.check import VerificationError, verify
from bench.machine import describe
from bench.product import PAGE, SMALL, Entrant, Product, version_of
from bench.results import Problem, Results, Sample
from bench.scenarios.closed import ClosedLoop
from bench.scenarios.features import Features
from bench.scenarios.guarded import guarded
from bench.scenarios.idle import IdleConnections
from bench.scenarios.latency import AddedLatency
from bench.scenarios.overload import Overload
from bench.scenarios.reload import Reload
from bench.scenarios.scenario import Scenario, Setting
from bench.scenarios.tls import HandshakeRate, secured
from bench.scenarios.workers import Workers
from bench.serving import StartError, Upstream, serving, upstream

FAILURES = (StartError, VerificationError, OSError, http.client.HTTPException, ValueError, subprocess.SubprocessError)
"""What may go wrong with one entrant without being the bench's own fault."""


def scenarios() -> tuple[Scenario, ...]:
    """Make every scenario, in the order of the report."""
    return (
        ClosedLoop("get", "Small JSON GET, 64 connections"),
        ClosedLoop("unique", "Small JSON GET, no two heads equal", unique=True),
        ClosedLoop("post", "POST of 10 kB", path="/sink", body_bytes=10_000, post=True),
        ClosedLoop("down", "1 MB down", path="/file", body_bytes=1_000_000),
        ClosedLoop("up", "1 MB up", path="/sink", body_bytes=1_000_000, post=True),
        AddedLatency(),
        IdleConnections("idle", "10,000 idle keep-alive connections"),
        Overload("overload", "Twice the capacity offered, pages of 128 kB", path=PAGE),
        Overload("overload-small", "Twice the capacity offered, small JSON GET", path=SMALL, peers=False),
        Workers(),
        Features(),
        ClosedLoop("guarded", "Small JSON GET, limiter and API key on", entrants=guarded),
        ClosedLoop("tls", "Small JSON GET over TLS 1.3", entrants=secured),
        HandshakeRate("handshakes", "TLS 1.3 connections, each with a full handshake", resume=False),
        HandshakeRate("resumed", "TLS 1.3 connections, each resuming a session", resume=True),
        IdleConnections("idle-tls", "10,000 idle TLS connections", tls=True),
        Reload(),
    )


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class Run:
    """Collects the samples of one run; what was collected stays good when the run is cut short."""

    def __init__(self, setting: Setting, products: Sequence[Product], *, rounds: int) -> None:
        self._setting = setting
        self._products = products
        self._rounds = rounds
        self._when = datetime.now(UTC)
        self._samples: list[Sample] = []
        self._problems: list[Problem] = []
        self._verified: set[str] = set()

    def measure(self, chosen: Sequence[Scenario]) -> None:
        with upstream(self._setting.cores.load) as behind:
            for scenario in chosen:
                say(f"{scenario.title}")
                for turn, entrant in order(scenario, self._products, self._rounds):
                    self._measure(scenario, entrant, turn, behind)

    def results(self) -> Results:
        return Results(
            when=self._when.isoformat(timespec="seconds"),
            machine=describe(),
            versions={product.name: version_of(product) for product in self._products},
            rounds=self._rounds,
            seconds=self._setting.seconds,
            samples=tuple(self._samples),
            problems=tuple(self._problems),
        )

    def _measure(self, scenario: Scenario, entrant: Entrant, turn: int, behind: Upstream) -> None:
        if any(problem.excludes(entrant.name, scenario.name) for problem in self._problems):
            return
        try:
            with serving(entrant, behind, self._setting.cores) as running:
                if entrant.edit is None and entrant.name not in self._verified:
                    verify(running)
                    self._verified.add(entrant.name)
                values = scenario.measure(running, self._setting)
        except FAILURES as error:
            reason = explain(error)
            where = "" if isinstance(error, (StartError, VerificationError)) else scenario.name
            self._problems.append(Problem(entrant=entrant.name, scenario=where, reason=reason))
            say(f"  {turn + 1}  {entrant.name}: {reason}")
            return
        self._samples.append(Sample(scenario=scenario.name, entrant=entrant.name, round=turn, values=values))
        say(f"  {turn + 1}  {entrant.name}: {brief(values)}")


def order(scenario: Scenario, products: Sequence[Product], rounds: int) -> Iterator[tuple[int, Entrant]]:
    """Say who is measured, and in which round."""
    for turn in range(rounds):
        for entrant in scenario.entrants(products):
            if not (turn and entrant.once):
                yield turn, entrant


def explain(error: BaseException) -> str:
    """Put a failure into words; a generator's own words are worth more than its exit status."""
    said = getattr(error, "stderr", None)
    return f"{type(error).__name__}: {error}" + (f" ({said.strip()[-300:]})" if said else "")


def brief(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def installed(wanted: Sequence[str] | None, available: Sequence[Product]) -> tuple[list[Product], dict[str, str]]:
    """Choose products: Casino and the peers that are wanted (None: all), and say of each that cannot run why."""
    chosen = [product for product in available if wanted is None or product.name in wanted]
    missing = {product.name: product.missing() for product in chosen if not product.instead_of}
    stand_ins = [product for product in chosen if product.instead_of and missing.get(product.instead_of, "wanted")]
    missing |= {product.name: product.missing() for product in stand_ins}
    return (
        [product for product in chosen if missing.get(product.name) == ""],
        {name: reason for name, reason in missing.items() if reason},
    )


def encode(results: Results) -> bytes:
    return msgspec.json.format(msgspec.json.encode(results), indent=1)
