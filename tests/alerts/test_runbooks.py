"""Whoever is paged finds a page that says what to do."""

import re

import promql_parser
import pytest

from alerts.render import every_alert
from alerts.text import annotations
from exporters.catalog import bridge, gateway, objective, prometheus
from exporters.catalog.metric import Metric
from gateway.spec.alerting import Alerts
from tests.checkout import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
PAGES = sorted(RUNBOOKS.glob("*.md"))
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
QUERY = re.compile(r"^```promql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OF_PROMETHEUS = {"ALERTS", "scrape_samples_post_metric_relabeling"}
"""What every Prometheus has by itself."""


def test_each_alert_leads_to_a_page_and_each_page_belongs_to_an_alert(whole):
    links = {annotations(alert, Alerts())["runbook_url"] for alert in every_alert(whole)}
    assert links == {str(page.relative_to(ROOT)) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_four_sections_and_each_says_something(page):
    title, *parts = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    assert title.strip() == f"# {page.stem}"
    assert [part.partition("\n")[0] for part in parts] == SECTIONS
    assert min(len(part.split()) for part in parts) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_queries_of_a_page_are_promql_of_metrics_that_exist(page):
    known = {name for each in (bridge, gateway, prometheus) for metric in vars(each).values() for name in names(metric)}
    known |= OF_PROMETHEUS
    for query in QUERY.findall(page.read_text()):
        promql_parser.parse(query)
        for name in re.findall(
            r"\b(?:bridge|gateway|prometheus|alertmanager)_\w+|\bALERTS\b|\bscrape_\w+|\bup\b", query
        ):
            assert name in known, (query, name)
        for name in re.findall(r"\bobjective:[\w:]+", query):
            assert name in recorded(), query


def names(metric: object) -> set[str]:
    if not isinstance(metric, Metric):
        return set()
    parts = ("bucket", "sum", "count") if metric.kind == "histogram" else ("",)
    return {f"{metric.exposed}_{part}" if part else metric.exposed for part in parts}


def recorded() -> set[str]:
    each = (value for value in vars(objective).values() if not isinstance(value, dict))
    windows = (series for value in vars(objective).values() if isinstance(value, dict) for series in value.values())
    return {series.name for series in (*each, *windows) if hasattr(series, "name")}
