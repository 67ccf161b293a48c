"""The catalogue is whole, well formed, and what docs/metrics.md says."""

import os
import re
from pathlib import Path

import pytest

from exporters.catalog import bridge, games, gateway
from exporters.catalog.gateway import CATALOGUE
from exporters.catalog.page import page

DOCS = Path(__file__).parents[2] / "docs"
PATH = DOCS / "metrics.md"
ALL = (*CATALOGUE, *games.CATALOGUE, *bridge.CATALOGUE)
PAGES = {"metrics.md": gateway, "bridge.md": bridge}
EVERY = pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)


def test_no_name_comes_twice():
    names = [metric.name for metric in ALL]
    assert len(names) == len(set(names))


@EVERY
def test_names_follow_the_rules_of_prometheus(metric):
    assert re.fullmatch("(gateway|game|casino|bridge)_[a-z_]+[a-z]", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_created"))
    assert metric.name.endswith(f"_{metric.unit}") if metric.unit else not metric.name.endswith(("_seconds", "_bytes"))
    assert metric.help.endswith(".")


@EVERY
def test_labels_are_unlike_those_prometheus_adds(metric):
    assert not {"le", "quantile", "job", "instance"} & set(metric.labels)
    assert len(set(metric.labels)) == len(metric.labels)


@pytest.mark.parametrize("catalog", PAGES.values(), ids=PAGES)
def test_every_label_has_a_meaning_and_every_meaning_a_label(catalog):
    assert set(catalog.LABELS) == {label for metric in catalog.CATALOGUE for label in metric.labels}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_holds_the_tables_of_today(name):
    """UPDATE_GOLDEN=1 writes them."""
    written = (DOCS / name).read_text()
    head, mark, _ = written.partition("### Families\n")
    today = head + page(PAGES[name].CATALOGUE, PAGES[name].LABELS)
    if os.environ.get("UPDATE_GOLDEN"):
        (DOCS / name).write_text(today)
        pytest.skip(f"{name} rewritten")
    assert mark
    assert today == written


def test_every_name_the_page_explains_is_one_of_the_catalogue():
    known = {metric.name for metric in CATALOGUE}
    named = set(re.findall(r"\b(?:gateway|casino)_[a-z_]+", PATH.read_text()))
    ends = re.compile("_(total|bucket|sum|count)$")
    assert {name for name in named if name not in known and ends.sub("", name) not in known} == set()


@pytest.mark.parametrize("catalog", PAGES.values(), ids=PAGES)
def test_the_catalogue_lists_every_constant(catalog):
    constants = {value.name for name, value in vars(catalog).items() if name.isupper() and hasattr(value, "kind")}
    assert constants == {metric.name for metric in catalog.CATALOGUE}
