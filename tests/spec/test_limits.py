"""Limits: what is refused and where, what is short for what."""

import pytest

from gateway.spec.limit import Limit
from gateway.spec.load import load
from tests.spec.conftest import place


def on_route(limits, *, top="", route=""):
    return f"casino: 1\n{top}routes:\n  roll:\n    match: /roll\n    answer: {{status: 204}}\n{route}    limits: {limits}\n"


STORE = "store: {url: sqlite:/tmp/store.db}\n"
MISTAKES = {
    "nothing stated": ("{▸fair: {by: address}}", "", "conflict", "not 0"),
    "two kinds at once": ("{▸fair: {rate: 1/s, concurrent: 2}}", "", "conflict", "not 2"),
    "burst without a rate": ("{fair: {concurrent: 2, ▸burst: 3}}", "", "conflict", "`rate`"),
    "period without a quota": ("{fair: {rate: 1/s, ▸period: month}}", "", "conflict", "`quota`"),
    "a rate of nothing": ("{fair: ▸0/s}", "", "out-of-range", "lets nothing through"),
    "a rate no gateway keeps": ("{fair: ▸1000001/s}", "", "out-of-range", "1000000/s"),
    "a rate of bytes": ("{fair: {rate: ▸1kB/s}}", "", "bad-value", "not bytes"),
    "a rate slower than a month": ("{fair: {rate: ▸1/h, burst: 1000}}", "", "out-of-range", "month"),
    "a quota without a store": ("{fair: {▸quota: 100}}", "", "missing-key", "the store"),
    "a limit that all routes have": ("{▸fair: 1/s}", "limits: {fair: 1/s}\n", "conflict", "mix them up"),
    "an unknown period": ("{fair: {quota: 1, period: ▸week}}", STORE, "bad-value", "week"),
    "counted by what nobody is": ("{fair: {rate: 1/s, by: ▸header}}", "", "bad-value", "header"),
    "a name no metric can have": ("{▸Fair: 1/s}", "", "bad-value", "Fair"),
    "no request at once": ("{fair: {concurrent: ▸0}}", "", "out-of-range", "0"),
}


@pytest.mark.parametrize(("limits", "top", "fault", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_limit_that_cannot_be_kept_is_refused_where_it_stands(mistakes, limits, top, fault, says):
    (problem,), marks = mistakes(spec=on_route(limits, top=top))
    assert problem.id == fault
    assert says in problem.message
    assert [place(problem)] == marks


SHORT = {
    "a rate": ("{fair: 100/s}", Limit(rate_per_second=100.0)),
    "a rate in minutes": ("{fair: 600/m}", Limit(rate_per_second=10.0)),
    "a rate in full": (
        "{fair: {rate: 5/s, burst: 10, by: address}}",
        Limit(rate_per_second=5.0, burst=10, by="address"),
    ),
    "requests at once": ("{fair: {concurrent: 3, by: consumer}}", Limit(concurrent=3, by="consumer")),
    "a slow rate": ("{fair: {rate: 1/h, burst: 700}}", Limit(rate_per_second=1 / 3600, burst=700)),
}


@pytest.mark.parametrize(("limits", "meant"), SHORT.values(), ids=SHORT)
def test_a_limit_may_be_written_short(write, limits, meant):
    spec = load(write(spec=on_route(limits)).path).spec
    assert spec.routes["roll"].limits == {"fair": meant}


def test_a_quota_needs_a_store_and_has_one(write):
    spec = load(write(spec=on_route("{fair: {quota: 100, period: month}}", top=STORE)).path).spec
    assert spec.routes["roll"].limits == {"fair": Limit(quota=100, period="month")}


def test_a_limit_by_consumer_counts_consumers_where_callers_show_who_they_are(write):
    top = f"consumers: {{alice: {{keys: {{sha256: {'ab' * 32}}}}}}}\n"
    written = write(spec=on_route("{fair: {rate: 1/s, by: consumer}}", top=top, route="    identity: {by: key}\n"))
    assert [warning.id for warning in load(written.path).warnings if warning.id.startswith("limit")] == []
