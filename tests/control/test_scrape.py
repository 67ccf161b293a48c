"""A real gateway after real traffic: what it exposes is the catalogue, no more and no less."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from exporters.catalog.gateway import CATALOGUE
from tests.authority import Authority
from tests.control.upstreams import upstream
from tests.ports import free_port
from tests.waiting import until

ROOT = Path(__file__).parents[2]
SPEC = """
casino: 1
workers: 2
listen:
  public: ["127.0.0.1:{public}", {{address: "127.0.0.1:{secure}", tls: {{certificates: {certificate}}}}}]
  control: "127.0.0.1:{control}"
drain: {{grace: 0s, deadline: 2s}}
log: {{to: {log}}}
store: {store}
limits: {{many: 100000/s}}
upstreams:
  dice:
    versions: {{v1: ["{target}"]}}
    health: {{every: 100ms}}
    breaker: {{requests: 1000}}
  cards:
    versions: {{poker: ["{target}", "http://127.0.0.1:1"]}}
    ejection: {{requests: 2, for: 1h}}
    retry: {{attempts: 1}}
routes:
  roll: {{match: "GET /roll/{{sides}}", to: dice, cors: {{origins: "*"}}}}
  deal: {{match: "GET /cards/{{count}}", to: cards}}
  closed: {{match: /closed, answer: {{status: 200}}}}
  keyed: {{match: /keyed, to: dice, identity: key}}
consumers: {{shop: {{keys: {key}}}}}
issuers: {{site: {{issuer: "https://a.example", audiences: [a], algorithms: [EdDSA], file: {keys}}}}}
"""


class Gateway:
    def __init__(self, place, target):
        self.public, self.secure, self.control = free_port(), free_port(), free_port()
        self.authority = Authority(place / "certificates")
        issued = self.authority.issue("shop", "127.0.0.1")
        spec = place / "casino.yaml"
        spec.write_text(
            SPEC.format(
                public=self.public,
                secure=self.secure,
                certificate=f"{{certificate: {issued.certificate}, key: {issued.key}}}",
                control=self.control,
                log=place / "log",
                store=f"sqlite:{place}/store.db",
                target=target,
                key="a" * 64,
                keys=ROOT / "examples" / "demo-keys.json",
            )
        )
        with (place / "stderr").open("wb") as stderr:
            command = [sys.executable, "-m", "casino", "serve", spec, "--run-dir", place / "run"]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr)

    def get(self, path, *, control=False, accept="*/*"):
        port = self.control if control else self.public
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as failed:
            return failed.code, failed.read().decode()
        except OSError:
            return 0, ""

    def shake_hands(self):
        with urllib.request.urlopen(
            f"https://127.0.0.1:{self.secure}/closed", timeout=10, context=self.authority.client()
        ):
            pass

    def scrape(self):
        _, text = self.get("/metrics", control=True, accept="application/openmetrics-text;version=1.0.0")
        return {family.name: family for family in parse(text)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with upstream() as server:
        running = Gateway(tmp_path_factory.mktemp("gateway"), server.url)
        try:
            until(lambda: running.get("/ready", control=True)[0] == 200)
            for _ in range(40):
                running.get("/roll/6")
                running.get("/cards/5")
            running.get("/closed")
            running.get("/nothing")
            running.shake_hands()
            yield running
            running.stop()
        finally:
            running.process.kill()
            running.process.wait()


def total(families, name, **labels):
    samples = families[name].samples
    return sum(
        sample.value for sample in samples if sample.name == f"{name}_total" and labels.items() <= sample.labels.items()
    )


def test_a_scrape_shows_exactly_the_catalogue(gateway):
    found = gateway.scrape()
    assert found.keys() == {metric.name for metric in CATALOGUE}
    labels = {
        name: {label for sample in family.samples for label in sample.labels} - {"le"} for name, family in found.items()
    }
    assert {name for name, family in found.items() if not family.samples} == set()
    assert labels == {metric.name: set(metric.labels) for metric in CATALOGUE}


def test_every_answer_is_counted_and_logged_once(gateway):
    found = gateway.scrape()
    assert total(found, "gateway_responses") == total(found, "gateway_log_lines") + total(found, "gateway_log_dropped")
    assert total(found, "gateway_responses", route="roll") == 40
    assert total(found, "gateway_requests", route="roll") == 40
    assert total(found, "gateway_requests", route="roll", **{"class": "2xx"}) == 40


def test_a_target_that_refuses_connections_is_ejected_and_covered_by_retries(gateway):
    found = until(lambda: (now := gateway.scrape()) and total(now, "gateway_ejections") and now)
    assert total(found, "gateway_ejections", target="http://127.0.0.1:1") >= 1
    assert total(found, "gateway_retries", result="allowed") > 0


def test_traces_lead_from_a_latency_to_a_request(gateway):
    samples = gateway.scrape()["gateway_first_byte_seconds"].samples
    traces = [sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar]
    assert traces
    assert all(re.fullmatch("[0-9a-f]{32}", trace) for trace in traces)


def test_stats_tell_the_same_story(gateway):
    stats = json.loads(gateway.get("/stats", control=True)[1])
    assert list(stats["routes"]) == ["roll", "deal", "closed", "keyed"]
    assert stats["routes"]["roll"]["errors_ratio"] == 0
    assert len([worker for worker in stats["workers"].values() if worker["live"]]) == 2
