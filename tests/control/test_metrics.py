import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from exporters.catalog.gateway import CATALOGUE, DURATION, KEYS, KEYS_AGE, REQUESTS, RESPONSES, STORE_UNSENT, STORE_UP
from tests.control.conftest import SPEC
from tests.waiting import until

OPEN_METRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
ELSEWHERE = (STORE_UP, STORE_UNSENT, KEYS, KEYS_AGE)
"""Gauges of what this spec does not have: a store, issuers."""
EDGES = (0.01, 0.1, 1.0)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ROLL = ("roll", "v1", "2xx", "upstream")


def families(control):
    return {family.name: family for family in parse(control.ask("GET", "/metrics", OPEN_METRICS).body.decode())}


def values(control, name):
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in families(control).values()
        for sample in family.samples
        if sample.name == name
    }


def test_every_family_of_the_catalogue_is_there_from_the_start_and_no_other(control):
    found = families(control)
    assert found.keys() == {metric.name for metric in CATALOGUE}
    assert {name: family.type for name, family in found.items()} == {one.name: one.kind for one in CATALOGUE}
    assert {name: family.unit for name, family in found.items()} == {one.name: one.unit for one in CATALOGUE}


def test_the_counters_of_all_workers_are_added_up(control):
    for number, worker in enumerate(control.workers):
        worker.slot.tally.add(REQUESTS, ROLL, 10 + number)
    labels = (("arm", "v1"), ("class", "2xx"), ("route", "roll"), ("source", "upstream"))
    assert values(control, "gateway_requests_total") == {labels: 21}


def test_a_histogram_is_cumulative_and_carries_traces(control):
    for worker in control.workers:
        histogram = worker.slot.tally.histogram(DURATION, ("roll", "v1"), EDGES)
        histogram.observe(0.0625)
        histogram.observe(5.0)
        histogram.observe_exemplar(0.5, TRACE, time.time())
    samples = families(control)["gateway_request_duration_seconds"].samples
    buckets = {sample.labels["le"]: sample for sample in samples if sample.name.endswith("_bucket")}
    assert {edge: sample.value for edge, sample in buckets.items()} == {"0.01": 0, "0.1": 2, "1.0": 4, "+Inf": 6}
    assert buckets["1.0"].exemplar.labels == {"trace_id": TRACE}
    assert buckets["1.0"].exemplar.value == 0.5
    assert [sample.value for sample in samples if sample.name.endswith("_count")] == [6]
    assert [sample.value for sample in samples if sample.name.endswith("_sum")] == [pytest.approx(2 * 5.5625)]


def test_the_series_of_a_route_that_left_the_spec_stay_but_the_gauges_of_its_targets_go(control):
    control.workers[0].slot.tally.add(RESPONSES, ("roll", "GET", "200"), 3)
    assert values(control, "gateway_target_up") != {}
    control.write_spec("casino: 1\nroutes: {closed: {match: /**, answer: {status: 404}}}\n")
    assert control.ask("POST", "/reload").status == 200
    assert list(values(control, "gateway_responses_total").values()) == [3]
    assert values(control, "gateway_target_up") == {}


def test_nothing_is_said_of_when_a_series_was_created(control):
    control.workers[0].slot.tally.add(REQUESTS, ROLL)
    assert b"_created" not in control.ask("GET", "/metrics", OPEN_METRICS).body


def test_the_supervision_describes_itself(control):
    digest = control.ask("GET", "/config").json["digest"]
    until(lambda: values(control, "gateway_config_info") == {
        (("hash", digest), ("worker", "1")): 1,
        (("hash", digest), ("worker", "2")): 1,
    })  # fmt: skip
    assert set(values(control, "gateway_generation").values()) == {1}
    assert values(control, "gateway_breaker_state") == {(("upstream", "dice"), ("version", "v1")): 0}
    assert max(values(control, "gateway_process_heartbeat_age_seconds").values()) < 5
    ((labels, _),) = values(control, "casino_build_info").items()
    assert {name for name, _ in labels} == {"version", "python", "sanic"}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param("", "text/plain; version=0.0.4", id="nothing asked for"),
        pytest.param("*/*", "text/plain; version=0.0.4", id="anything"),
        pytest.param("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0", id="OpenMetrics"),
    ],
)  # fmt: skip
def test_the_format_is_the_one_asked_for(control, accept, content_type):
    assert control.ask("GET", "/metrics", {"Accept": accept}).headers["content-type"].startswith(content_type)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_finds_nothing_to_mend(control):
    fill(control)
    text = control.ask("GET", "/metrics").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def fill(control):
    tally = control.workers[0].slot.tally
    for metric in CATALOGUE:
        labels = tuple(f"some-{label}" for label in metric.labels)
        if metric.kind == "histogram":
            tally.histogram(metric, labels, EDGES).observe_exemplar(0.5, TRACE, time.time())
        else:
            tally.add(metric, labels)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")
def test_a_real_prometheus_reads_it_with_its_exemplars(control, tmp_path):
    fill(control)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        f"scrape_configs: [{{job_name: casino, static_configs: [{{targets: ['127.0.0.1:{control.port}']}}]}}]\n"
    )
    server = subprocess.Popen(
        [
            "prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage", "--log.level=error",
        ],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ask = f"http://127.0.0.1:{port}/api/v1"
        until(lambda: found(f"{ask}/query", query="up == 1"), seconds=30)
        names = until(lambda: found(f"{ask}/label/__name__/values"))
        exposed = {
            f"{one.name}_total" if one.kind == "counter" else one.name for one in CATALOGUE if one not in ELSEWHERE
        }
        assert {name for name in exposed if name not in names and f"{name}_bucket" not in names} == set()
        (series,) = found(
            f"{ask}/query_exemplars",
            query="gateway_request_duration_seconds_bucket",
            start="0",
            end=str(time.time() + 60),
        )
        assert series["exemplars"][0]["labels"] == {"trace_id": TRACE}
    finally:
        server.kill()
        server.wait()


def found(url, **query):
    try:
        with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
            data = json.load(answer)["data"]
    except OSError:
        return None
    return data["result"] if isinstance(data, dict) else data


@pytest.mark.parametrize("path", ["/metrics", "/stats"])
def test_the_loop_turns_while_twenty_thousand_series_are_read(rig, path):
    control = rig(SPEC, workers=1, series=21_000)
    tally = control.workers[0].slot.tally
    for number in range(800):
        tally.histogram(DURATION, (f"route-{number}", "v1"), (*EDGES, *range(2, 15))).observe(0.5)
        for code in range(5):
            tally.add(RESPONSES, (f"route-{number}", "GET", str(code)))
    control.start()
    reading = threading.Thread(target=lambda: [control.ask("GET", path) for _ in range(5)])
    reading.start()
    answers = 0
    while reading.is_alive():
        answers += control.ask("GET", "/health").status == 200
    assert answers > 10
