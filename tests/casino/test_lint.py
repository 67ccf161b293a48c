"""`casino alerts lint`: places, exit codes, JSON, and what it is held against."""

import json
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from casino.cli import main

RULES = """\
groups:
  - name: a
    rules:
      - alert: ShopDown
        expr: shop_up == 0
        labels: {severity: critical}
        annotations: {summary: Down., description: Down., runbook_url: x.md}
"""
SCRAPE = "# TYPE shop_up gauge\nshop_up 1\n# TYPE shop_orders counter\nshop_orders_total 5\n"


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def test_a_finding_names_file_line_rule_and_check_and_ends_with_1(rules, capsys):
    assert main(["alerts", "lint", str(rules)]) == 1
    assert capsys.readouterr().out == f"{rules}:6: error: ShopDown: no label `team`: nobody owns it [team]\n"


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_judged(rules, tmp_path, capsys):
    away, binary = tmp_path / "away.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff")
    assert main(["alerts", "lint", str(away), str(binary), str(rules)]) == 2
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        f"casino alerts lint: {away}: No such file or directory",
        f"casino alerts lint: {binary}: it is no text",
    ]
    assert told.out == f"{rules}:6: error: ShopDown: no label `team`: nobody owns it [team]\n"


def test_what_only_a_file_that_cannot_be_read_could_tell_is_not_judged(rules, tmp_path, capsys):
    rules.write_text(RULES.replace("severity: critical", "severity: critical, team: shop").replace("shop_up", "job:up"))
    recording = tmp_path / "recording.yaml"
    recording.write_text("groups: [{name: r, rules: [{record: job:down, expr: count by (job) (up == 0)}]}]\n")
    scrape = tmp_path / "scrape.txt"
    scrape.write_text(SCRAPE)
    words = ["alerts", "lint", "--metrics", str(scrape), str(rules), str(recording)]
    assert main(words) == 1
    told = capsys.readouterr().out
    assert "[unknown-metric]" in told
    assert "[unused-recording]" in told
    assert main([*words, str(tmp_path / "away.yaml")]) == 2
    assert capsys.readouterr().out == ""


def test_json_says_the_same(rules, capsys):
    assert main(["alerts", "lint", "--json", str(rules)]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert {key: row[key] for key in ("file", "line", "check", "rule", "level")} == {
        "file": str(rules), "line": 6, "check": "team", "rule": "ShopDown", "level": "error",
    }  # fmt: skip


def test_nothing_found_says_nothing_and_ends_with_0(rules, capsys):
    rules.write_text(RULES.replace("severity: critical", "severity: critical, team: shop"))
    assert main(["alerts", "lint", str(rules)]) == 0
    assert capsys.readouterr().out == ""


def test_a_scrape_in_a_file_says_what_exists(rules, tmp_path, capsys):
    scrape = tmp_path / "scrape.txt"
    scrape.write_text(SCRAPE)
    rules.write_text(RULES.replace("critical", "critical, team: shop"))
    assert main(["alerts", "lint", str(rules), "--metrics", str(scrape)]) == 0
    rules.write_text(rules.read_text().replace("shop_up", "shop_upp"))
    assert main(["alerts", "lint", str(rules), "--metrics", str(scrape)]) == 1
    assert "unknown-metric" in capsys.readouterr().out


def test_a_scrape_is_fetched(rules, capsys):
    with serving(SCRAPE) as url:
        assert main(["alerts", "lint", str(rules), "--metrics", url]) == 1
        assert "[team]" in capsys.readouterr().out
        rules.write_text(RULES.replace("shop_up == 0", "shop_orders_total > 5"))
        assert main(["alerts", "lint", str(rules), "--metrics", url]) == 1
        assert "[raw-counter]" in capsys.readouterr().out


def test_inhibition_is_held_against_the_alerts(rules, tmp_path, capsys):
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        "inhibit_rules: [{source_matchers: ['severity=critical'], target_matchers: [x=y], equal: [shop]}]\n"
    )
    rules.write_text(RULES.replace("shop_up == 0", "sum by (town) (shop_up) == 0"))
    assert main(["alerts", "lint", str(rules), "--alertmanager", str(config)]) == 1
    assert "[inhibit-label]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("nowhere.yaml",),
        ("--metrics", "nowhere.txt"),
        ("--metrics", "http://127.0.0.1:1/metrics"),
        ("--retention", "long"),
        ("--alertmanager", "nowhere.yml"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_read_ends_with_2(rules, words, capsys):
    assert main(["alerts", "lint", str(rules), *words]) == 2
    assert capsys.readouterr().err.startswith("casino alerts lint: ")


class serving:  # noqa: N801 - a context
    """A scrape over HTTP."""

    def __init__(self, text: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=partial(self.server.serve_forever, poll_interval=0.01))

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}/metrics"

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.mark.parametrize(
    "config", ["inhibit_rules: 5", "inhibit_rules: [1]", "inhibit_rules: [{equal: 5}]", "[" * 5_000]
)
def test_what_is_no_configuration_of_alertmanager_is_told(rules, tmp_path, capsys, config):
    file = tmp_path / "alertmanager.yml"
    file.write_text(config)
    assert main(["alerts", "lint", str(rules), "--alertmanager", str(file)]) == 2
    assert str(file) in capsys.readouterr().err


def test_a_matcher_that_only_go_understands_may_match(rules, tmp_path, capsys):
    file = tmp_path / "alertmanager.yml"
    file.write_text("inhibit_rules: [{source_matchers: ['alertname=~\"Shop\\QDown\"'], equal: [region]}]")
    rules.write_text(RULES.replace("shop_up ==", "sum(shop_up) =="))
    assert main(["alerts", "lint", str(rules), "--alertmanager", str(file)]) == 1
    assert "inhibit-label" in capsys.readouterr().out
