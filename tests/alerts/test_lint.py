"""Seeded faults are found at their line, each by its own check; what is right, ours and others', is left alone."""

import pytest

from alerts.lint.bundle import Inhibition
from alerts.lint.finding import CHECKS
from alerts.lint.inventory import Known, catalogue
from alerts.lint.judge import Surroundings, lint
from alerts.lint.series import Bounds
from alerts.lint.source import seconds_in
from alerts.render import render
from gateway.spec.load import load
from tests.checkout import ROOT

SOUND = """\
groups:
  - name: sound
    interval: 30s
    rules:
      - alert: TooManyRetries
        expr: {expr}
        for: {wait}
        labels: {{severity: warning, team: games{labels}}}
        annotations: {{summary: Retries., description: "{description}", runbook_url: docs/runbooks/x.md}}
"""
EXPR = 'sum by (upstream) (rate(gateway_retries_total{result="allowed"}[5m])) > 5'
AT_EXPR, AT_FOR, AT_LABELS, AT_ANNOTATIONS = 6, 7, 8, 9
EVERYTHING = Surroundings(
    inventory=catalogue().with_more({"shop_queue_bucket": Known("histogram", None, frozenset({"0.5", "1.0"}))}),
    bounds=Bounds(scrape_seconds=15, retention_seconds=15 * 86_400),
    inhibits=(Inhibition(('severity="critical"',), ('severity="warning"',), ("upstream", "team")),),
)
ALONE = Surroundings(EVERYTHING.inventory, EVERYTHING.bounds)
"""Without Alertmanager."""


def sound(expr=EXPR, wait="5m", labels="", description="Many."):
    return SOUND.format(
        expr=f"'{expr}'" if "'" not in expr else expr, wait=wait, labels=labels, description=description
    )


def found(text, where=ALONE):
    return [(finding.check, finding.line) for finding in lint({"rules.yaml": text}, where)]


SHARE = "sum by (upstream) (rate(gateway_upstream_requests_total{outcome='failure'}[5m])) / "
WHOLE = "(sum by (upstream) (rate(gateway_upstream_requests_total[5m])) > 0)"
FAULTS = {
    "nothing is compared": ("no-comparison", "sum by (upstream) (rate(gateway_retries_total[5m]))"),
    "bool makes it always fire": ("no-comparison", "sum by (upstream) (rate(gateway_retries_total[5m])) > bool 5"),
    "one side of an or is never false": ("no-comparison", "up{job='casino'} == 0 or on () vector(1)"),
    "numbers are compared": ("constant-comparison", "gateway_store_up == 0 and on () vector(2) > 1"),
    "a division by zero": ("division-by-zero", "gateway_in_flight_requests / 0 > 1"),
    "a division by what may be zero": ("unguarded-division", SHARE + WHOLE.replace(" > 0", "") + " > 0.1"),
    "a metric of ours that does not exist": ("unknown-metric", "sum by (upstream) (rate(gateway_retrys_total[5m])) > 5"),
    "a label in a selector": ("unknown-label", "sum by (upstream) (rate(gateway_retries_total{route='a'}[5m])) > 5"),
    "a label to sum by": ("unknown-label", "sum by (upstream, route) (rate(gateway_retries_total[5m])) > 5"),
    "a label to match on": ("unknown-label", "gateway_target_up == 0 and on (route) gateway_target_ejected == 1"),
    "a bucket that is not there": ("unknown-bucket", "sum by (upstream) (rate(shop_queue_bucket{le='0.7'}[5m])) > 5"),
    "matchers that exclude each other": ("impossible-matcher", "gateway_store_up{job='a',job='b'} == 0"),
    "the rate of a gauge": ("rate-of-gauge", "sum by (upstream) (rate(gateway_target_up[5m])) > 5"),
    "the increase of a gauge": ("rate-of-gauge", "sum by (upstream) (increase(gateway_upstream_waiting_requests[5m])) > 5"),
    "a rate of a sum": ("rate-of-aggregate", "rate(sum by (upstream) (gateway_target_up)[5m:15s]) > 5"),
    "a counter as it stands": ("raw-counter", "sum by (upstream) (gateway_retries_total) > 1000"),
    "a counter over time": ("raw-counter", "sum by (upstream) (max_over_time(gateway_retries_total[5m])) > 1000"),
    "somebody's counter as it stands": ("raw-counter", "sum by (upstream) (shop_orders_total) > 1000"),
    "a range of one scrape": ("short-range", "sum by (upstream) (rate(gateway_retries_total[15s])) > 5"),
    "a quantile of what has no le": (
        "quantile-without-le",
        "histogram_quantile(0.9, sum by (upstream) (rate(gateway_upstream_first_byte_seconds_bucket[5m]))) > 1",
    ),
    "a quantile of no buckets": (
        "quantile-without-le",
        "histogram_quantile(0.9, rate(gateway_upstream_first_byte_seconds_count[5m])) > 1",
    ),
    "a factor too high for its budget": ("impossible-threshold", f"{SHARE}{WHOLE} > 14.4 * 0.1"),
    "a recorded share above one": ("impossible-threshold", "slo:sli_error:ratio_rate5m > 2"),
    "a range beyond what is kept": ("beyond-retention", "sum by (upstream) (increase(gateway_retries_total[30d])) > 5"),
    "an offset beyond what is kept": (
        "beyond-retention", "sum by (upstream) (rate(gateway_retries_total[5m] offset 5w)) > 5",
    ),
    "no label to inhibit by": ("inhibit-label", "sum(rate(gateway_retries_total[5m])) > 5"),
}  # fmt: skip


@pytest.mark.parametrize(("check", "expr"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_an_expression_is_found(check, expr):
    line = AT_LABELS if check == "inhibit-label" else AT_EXPR
    where = EVERYTHING if check == "inhibit-label" else ALONE
    text = sound(expr.replace("'", '"'))
    assert found(text, where) == [(check, line)]


AROUND = {
    "no severity": ("severity", AT_LABELS, ("severity: warning, ", "")),
    "a severity nobody routes": ("severity", AT_LABELS, ("severity: warning", "severity: urgent")),
    "no team": ("team", AT_LABELS, (", team: games", "")),
    "no runbook": ("annotation", AT_ANNOTATIONS, (", runbook_url: docs/runbooks/x.md", "")),
    "a name in small letters": ("alert-name", 5, ("TooManyRetries", "too_many_retries")),
    "the value as a label": ("value-in-label", AT_LABELS, ("team: games", 'team: games, at: "{{ $value }}"')),
    "a label that the text shows and nothing has": (
        "template-label",
        AT_ANNOTATIONS,
        ("Many.", "{{ $labels.route }}."),
    ),
    "a wait below the interval": ("short-for", AT_FOR, ("for: 5m", "for: 10s")),
    "text that is no PromQL": ("syntax", AT_EXPR, (EXPR, "sum(rate(gateway_retries_total[5m]) > 5")),
    "a check that does not exist": ("suppression", 5, ("Retries\n", "Retries  # casino-lint: ignore nonsense why\n")),
    "a suppression without a reason": ("suppression", 5, ("Retries\n", "Retries  # casino-lint: ignore team\n")),
    "a suppression of nothing": ("suppression", 5, ("Retries\n", "Retries  # casino-lint: ignore team not ours\n")),
}


@pytest.mark.parametrize(("check", "line", "change"), AROUND.values(), ids=AROUND)
def test_a_fault_around_an_expression_is_found(check, line, change):
    text = sound().replace(*change)
    assert text != sound()
    assert found(text) == [(check, line)]


RECORD = "groups: [{{name: a, rules: [{{record: 'a:b:c', expr: 'sum(gateway_connections)'}}{more}]}}{group}]\n"
BETWEEN = {
    "a recording that nobody reads": ("unused-recording", RECORD.format(more="", group="")),
    "two groups of one name": (
        "duplicate-group",
        RECORD.format(more=", {record: 'd:e:f', expr: 'a:b:c + d:e:f'}", group=", {name: a, rules: []}"),
    ),
    "one series recorded twice": (
        "duplicate-recording",
        RECORD.format(more=", {record: 'a:b:c', expr: 'a:b:c'}", group=""),
    ),
    "no YAML": ("yaml", "groups: ["),
    "no rule file": ("yaml", "rules: []\n"),
}


@pytest.mark.parametrize(("check", "text"), BETWEEN.values(), ids=BETWEEN)
def test_a_fault_between_rules_is_found(check, text):
    assert [name for name, _ in found(text)] == [check]


def test_an_alert_that_stands_twice_is_found_where_it_stands_again():
    (finding,) = lint({"one.yaml": sound(), "two.yaml": sound()})
    assert (finding.check, finding.file, finding.line) == ("duplicate-alert", "two.yaml", 5)


def test_every_check_has_a_seeded_fault():
    checks = {each[0] for table in (FAULTS, AROUND, BETWEEN) for each in table.values()} | {"duplicate-alert"}
    assert checks == CHECKS.keys()


RIGHT = {
    "what is absent": "absent(up{job='casino'} == 1)",
    "an alert on alerts": "ALERTS{alertname='x',alertstate='firing'}",
    "the number of counters": "count(gateway_retries_total) > 5",
    "a counter that is there": "gateway_store_up == 0 and on (instance, job) gateway_retries_total",
    "somebody's gauge": "shop_queue_length > 5",
    "somebody's rate of anything": "rate(shop_things[5m]) > 5",
    "a quantile": "histogram_quantile(0.9, sum by (le) (rate(gateway_loop_lag_seconds_bucket[5m]))) > 1",
    "a quantile of a native histogram": "histogram_quantile(0.9, sum(rate(shop_seconds[5m]))) > 1",
    "a share near one": f"{SHARE}{WHOLE} > 0.99",
    "a ratio of two things": "sum(rate(gateway_retries_total[5m])) / (sum(rate(gateway_responses_total[5m])) > 0) > 2",
    "a divisor held above zero": "sum(gateway_connections) / clamp_min(sum(rate(gateway_responses_total[5m])), 1) > 2",
    "buckets by edge": "sum(rate(shop_queue_bucket{le='0.5'}[5m])) > 5",
}


@pytest.mark.parametrize("expr", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_left_alone(expr):
    assert found(sound(expr.replace("'", '"')), ALONE) == []


def test_what_a_scrape_lacks_is_unknown_whoever_it_belongs_to():
    where = Surroundings(catalogue().with_more({"shop_up": Known("gauge", frozenset({"job"}))}, is_complete=True))
    assert found(sound("shop_up == 0"), where) == []
    assert found(sound("shop_down == 0"), where) == [("unknown-metric", AT_EXPR)]


@pytest.mark.parametrize("place", ["above", "beside", "file"])
def test_a_suppression_with_a_reason_is_obeyed(place):
    comment = f"# casino-lint: ignore{'-file' if place == 'file' else ''} team nobody owns it yet"
    text = sound().replace(", team: games", "")
    rule = "      - alert"
    text = {"above": text.replace(rule, f"      {comment}\n{rule}"), "file": f"{comment}\n{text}"}.get(
        place, text.replace("Retries\n", f"Retries  {comment}\n")
    )
    assert found(text) == []


def test_a_suppression_above_one_rule_is_not_one_for_the_rule_before_it():
    first, second = sound().replace(", team: games", ""), sound("gateway_store_up == 0").replace(", team: games", "")
    comment = "      # casino-lint: ignore team nobody owns it yet\n"
    text = first + comment + second.partition("rules:\n")[2]
    assert found(text, Surroundings()) == [("team", AT_LABELS)]


def test_files_of_the_operator_are_read():
    document = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n"
    text = document + "".join(f"  {line}\n" for line in sound().replace(", team: games", "").splitlines())
    assert found(text) == [("team", AT_LABELS + 3)]


@pytest.mark.parametrize("period", ["7d", "28d", "30d", "90d"])
def test_nothing_is_found_in_what_we_generate(spec_of, period):
    files = render(spec_of(f"{{availability: 90%, latency: 99% within 100ms, period: {period}}}"))
    assert lint(files) == []


def test_nothing_is_found_in_the_example():
    assert lint(render(load(ROOT / "examples" / "casino.yaml").spec)) == []


def test_each_check_has_its_section_on_the_page():
    page = (ROOT / "docs" / "lint.md").read_text()
    assert [check for check in CHECKS if f"\n### {check}\n" not in page] == []
    assert page.count("\n### ") == len(CHECKS)


@pytest.mark.parametrize(
    "expr",
    [
        pytest.param(" + ".join(["up"] * 300) + " > 1", id="a chain"),
        pytest.param(" or ".join(["up > 1"] * 1_000), id="a longer chain"),
        pytest.param("abs(" * 500 + "up" + ")" * 500 + " > 1", id="calls in calls"),
        pytest.param("(" * 10_000 + "up" + ")" * 10_000 + " > 1", id="brackets"),
        pytest.param("-" * 50_000 + "up > 1", id="signs, which end the parser's process"),
    ],
)
def test_what_nobody_can_follow_is_said_to_be_so(expr):
    assert "nobody can read it" in str(lint({"rules.yaml": RULES_OF.format(expr=expr)})[0])


def test_a_long_chain_is_judged():
    expr = " or ".join(["rate(gateway_upp_total{a='((((((('}[5m]) > 1"] * 150)
    assert {each.check for each in lint({"rules.yaml": RULES_OF.format(expr=expr)})} == {"unknown-metric"}


RULES_OF = """
groups:
  - name: a
    rules:
      - alert: Deep
        expr: "{expr}"
        labels: {{severity: critical, team: x}}
        annotations: {{summary: a, description: b, runbook_url: c}}
"""


@pytest.mark.parametrize(
    "text",
    ["[" * 5_000, "{a: " * 3_000 + "1" + "}" * 3_000, "groups: &a [{<<: {<<: *b, rules: []}}]", "a: &a {<<: {<<: *a}}"],
)
def test_a_file_however_deep_or_circular_is_a_finding(text):
    assert {each.check for each in lint({"rules.yaml": text})} == {"yaml"}


def test_what_is_merged_into_a_rule_is_read():
    rules = RULES_OF.format(expr="up > 1").replace("labels: ", "<<: [{{labels: *l}}, {{labels: {{}}}}]\n        x: ")
    text = "l: &l {severity: critical, team: x}\n" + rules.replace("{{", "{").replace("}}", "}")
    assert lint({"rules.yaml": text}) == []


@pytest.mark.parametrize("written", ["1.5h", "-5m", "7dxx", "x7d", "h", ""])
def test_what_is_no_time_is_none(written):
    assert seconds_in(written) is None
