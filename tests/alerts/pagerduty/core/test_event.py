"""Events are what PagerDuty takes, whatever the alert holds: the stand-in's judge, which knows its limits, says so."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.pagerduty.core.alert import read
from alerts.pagerduty.core.event import (
    MOST_BYTES,
    Late,
    Notice,
    change,
    minimal,
    notice,
    resolve,
    trigger,
    with_routing_key,
)
from alerts.pagerduty.core.links import Targets
from alerts.pagerduty.core.severity import Severity, severity_of
from alerts.pagerduty.standin.event import Change, Event, judge, judge_change
from tests.alerts.pagerduty.bridges import alert, webhook
from tests.alerts.pagerduty.running import KEY

NOW = 1_800_000_000.0
NOWHERE = Targets()
TEXT = st.text(max_size=60)


def alert_of(**about):
    return read(json.dumps(webhook(alert(starts=NOW, **about))).encode(), NOW).alerts[0]


def sent(event):
    return json.loads(with_routing_key(event, KEY))


@given(
    st.dictionaries(TEXT, TEXT, max_size=8),
    st.dictionaries(TEXT, TEXT, max_size=8),
    st.floats(min_value=0, max_value=1e6),
    st.booleans(),
)
def test_every_alert_becomes_an_event_that_pagerduty_takes(labels, annotations, waited, over):
    told = {"labels": labels, "annotations": annotations}
    one = read(json.dumps({"alerts": [told]}).encode(), NOW).alerts[0]
    event = sent(trigger(one, targets=NOWHERE, now=NOW, late=Late(waited, over=over)))
    assert isinstance(judge(event), Event)


def test_the_largest_alert_there_can_be_fits():
    big = alert_of(annotations={f"a{number}": "\u2028" * 8_000 for number in range(60)}, x="\\" * 30_000)
    event = trigger(big, targets=NOWHERE, now=NOW)
    assert len(with_routing_key(event, KEY)) <= MOST_BYTES + 60
    assert isinstance(judge(sent(event)), Event)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("critical", Severity.CRITICAL, id="ours"),
        pytest.param("page", Severity.CRITICAL, id="a page"),
        pytest.param("Info", Severity.INFO, id="a capital"),
        pytest.param(" WARN ", Severity.WARNING, id="spaces"),
        pytest.param("none", Severity.INFO, id="none"),
        pytest.param("urgent!!", Severity.ERROR, id="unknown: urgent"),
        pytest.param("", Severity.ERROR, id="missing: urgent"),
    ],
)
def test_severities_are_understood(written, meant):
    assert severity_of(written) is meant


def test_a_late_event_says_how_late_and_when_it_began():
    payload = sent(trigger(alert_of(), targets=NOWHERE, now=NOW + 600, late=Late(600.0)))["payload"]
    assert payload["summary"].startswith("[told 10 min late] Dice fail.")
    assert payload["custom_details"]["late_by_seconds"] == 600
    assert payload["timestamp"] == "2027-01-15T08:00:00.000+00:00"
    assert payload["severity"] == "critical"


def test_what_is_over_wakes_nobody():
    payload = sent(trigger(alert_of(), targets=NOWHERE, now=NOW, late=Late(60.0, over=True)))["payload"]
    assert payload["severity"] == "info"


def test_the_bridges_own_events_are_taken_too():
    told = Notice(key="casino-bridge/x", summary="a\x00b" * 2_000, details={"a": "b"})
    assert isinstance(judge(sent(notice(told))), Event)
    assert isinstance(judge(sent(resolve("k"))), Event)
    assert isinstance(judge(sent(minimal("k", "Dice\n" * 500, Severity.ERROR))), Event)
    assert isinstance(judge_change(sent(change(told, NOW))), Change)


def test_links_lead_only_where_something_is_configured():
    one = alert_of(
        route="roll",
        annotations={
            "runbook_url": "docs/runbooks/Dice.md",
            "dashboard_url": "https://grafana.example/d/a?var-route=roll",
        },
    )
    assert texts(one, NOWHERE) == {
        "Dashboard": "https://grafana.example/d/a?var-route=roll&from=1799996400000&to=1800000900000"
    }
    all_of = texts(one, Targets(logs="https://kibana.example", alertmanager="https://am.example"))
    assert set(all_of) == {"Dashboard", "Logs", "Silence it"}
    assert "casino.route%3A%22roll%22" in all_of["Logs"]
    assert "route%3D%22roll%22" in all_of["Silence it"]


def texts(one, targets):
    return {link["text"]: link["href"] for link in sent(trigger(one, targets=targets, now=NOW))["links"]}


@pytest.mark.parametrize(
    ("summary", "description", "told"),
    [
        ("Dice fail.", "All of them.", "Dice fail. All of them."),
        ("Dice fail", "All of them.", "Dice fail: All of them."),
        ("Dice fail.", "", "Dice fail."),
    ],
    ids=["a sentence", "no sentence", "nothing more"],
)
def test_summary_and_description_are_told_as_one_text(summary, description, told):
    one = alert_of(annotations={"summary": summary, "description": description})
    assert sent(trigger(one, targets=NOWHERE, now=NOW))["payload"]["summary"] == told
