"""The bench's own verdict on every number of DESIGN.md, section 4, and on those of the issues: one run for all of it."""

import subprocess
import sys

import msgspec
import pytest

from bench.results import Results
from bench.targets import Verdict, judge_all
from tests.checkout import ROOT
from tests.proof import FULL

pytestmark = [
    pytest.mark.timeout(4500),
    pytest.mark.skipif(not FULL, reason="speed is measured at full size alone: make bench, make prove"),
]
TLS = ("tls", "handshakes", "resumed")


@pytest.fixture(scope="module")
def results() -> Results:
    """Run the bench: some half an hour."""
    words = [sys.executable, "-m", "casino", "bench", "--seconds", "3", "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return msgspec.json.decode(done.stdout, type=Results)


@pytest.mark.proves("3.2 the numbers of DESIGN.md section 4, in one run beside the peers that are installed")
def test_every_number_of_the_design_is_reached(results, measured):
    lines = judge_all(results)
    measured["report"] = "build/bench/report.md"
    missed = [f"{line.what}: {line.measured}, not {line.bound}" for line in lines if line.verdict is Verdict.FAIL]
    assert missed == []
    assert any(line.verdict is Verdict.PASS for line in lines)


@pytest.mark.proves("4.4 throughput and handshakes over TLS beside nginx, Envoy and Caddy; 10,000 idle TLS connections")
def test_tls_is_measured_beside_the_peers(results, measured):
    for scenario in (*TLS, "idle-tls"):
        assert {"casino", *peers(results)} <= set(results.entrants(scenario)), scenario
    measured["requests/s"] = rates(results, "tls", "requests_per_second")
    for scenario in TLS[1:]:
        measured[f"{scenario}/s"] = rates(results, scenario, "connections_per_second")
        assert results.median(scenario, "casino", "failed") == 0
    measured["worker with 10,000"] = f"{results.median('idle-tls', 'casino', 'worker_rss_bytes') / 1e6:.0f} MB"
    assert results.median("resumed", "casino", "resumed_ratio") > 0.95


@pytest.mark.proves("4.5 the price of API key, cached JWT, limiter and TLS; with both guards on at least 1.2 x Envoy")
def test_each_feature_has_its_price(results, measured):
    for feature in ("API key", "JWT, cached", "limit by route", "limit by address", "TLS"):
        price = results.added("features", "cpu_seconds_per_request", f"+ {feature}", "plain")
        measured[feature] = f"{price * 1e6:+.1f} µs"
    ratio = results.ratio("guarded", "requests_per_second", "casino", "envoy")
    measured["over Envoy, guarded"] = f"{ratio:.2f} x"
    assert ratio >= 1.2


def peers(results: Results) -> set[str]:
    """Those of the peers that the issue names and that are installed here."""
    return {"nginx", "envoy", "caddy"} & results.versions.keys()


def rates(results: Results, scenario: str, key: str) -> str:
    found = {entrant: results.median(scenario, entrant, key) for entrant in results.entrants(scenario)}
    return ", ".join(f"{entrant} {rate:,.0f}" for entrant, rate in found.items() if rate is not None)
