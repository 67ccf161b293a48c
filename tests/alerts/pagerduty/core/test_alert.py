"""Webhooks are read leniently: what can be understood is an alert, and its key is its labels."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.pagerduty.core.alert import MOST_ALERTS, UnreadableError, dedup_key, read
from tests.alerts.pagerduty.bridges import alert, webhook

NOW = 1_800_000_000.0
LABELS = st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=6)


def read_one(**changes):
    told = {**alert(starts=NOW), **changes}
    (one,) = read(
        json.dumps(webhook({name: value for name, value in told.items() if value is not ...})).encode(), NOW
    ).alerts
    return one


def test_each_alert_has_its_own_status_whatever_the_webhook_says():
    told = webhook(alert(starts=NOW), alert("Other", starts=NOW, ends=NOW + 5), status="resolved")
    assert [each.firing for each in read(json.dumps(told).encode(), NOW).alerts] == [True, False]


@pytest.mark.parametrize(
    ("changes", "firing"),
    [
        pytest.param({"status": "firing"}, True, id="fires"),
        pytest.param({"status": "resolved"}, False, id="is over"),
        pytest.param({"status": "Resolved"}, False, id="is over, in capitals"),
        pytest.param({"status": "pending"}, True, id="something new"),
        pytest.param({"status": ...}, True, id="nothing said"),
        pytest.param({"status": ..., "endsAt": "2020-01-01T00:00:00Z"}, False, id="nothing said, ended long ago"),
        pytest.param({"status": ..., "endsAt": "2060-01-01T00:00:00Z"}, True, id="nothing said, ends some day"),
        pytest.param({"status": {"state": "active"}}, True, id="an object"),
    ],
)
def test_in_doubt_an_alert_fires(changes, firing):
    assert read_one(**changes).firing is firing


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        pytest.param("2027-01-15T08:00:00Z", 1_800_000_000.0, id="seconds"),
        pytest.param("2027-01-15T08:00:00.123456789Z", 1_800_000_000.123456, id="nanoseconds"),
        pytest.param("2027-01-15T10:00:00+02:00", 1_800_000_000.0, id="another zone"),
        pytest.param("0001-01-01T00:00:00Z", NOW, id="Go's zero"),
        pytest.param("soon", NOW, id="words"),
        pytest.param(None, NOW, id="null"),
        pytest.param(7, NOW, id="a number"),
    ],
)
def test_the_beginning_is_read_or_is_now(written, moment):
    assert read_one(startsAt=written).starts_at == pytest.approx(moment)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no alerts"),
        pytest.param(b'{"alerts": 5}', id="alerts that are a number"),
        pytest.param(b'{"alerts": ["a"]}', id="an alert that is text"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(json.dumps({"alerts": [{}] * (MOST_ALERTS + 1)}).encode(), id="too many"),
    ],
)
def test_what_is_no_webhook_is_said_to_be_unreadable(body):
    with pytest.raises(UnreadableError):
        read(body, NOW)


def test_a_receiver_is_called_as_the_configuration_calls_it():
    assert read(json.dumps(webhook(receiver=r"team\.a \(gw\)")).encode(), NOW).receiver == "team.a (gw)"


def test_long_annotations_are_cut_and_what_names_the_alert_stays():
    one = read_one(annotations={**{f"x{number}": "a" * 50_000 for number in range(40)}, "summary": "Dice fail."})
    assert one.annotations["summary"] == "Dice fail."
    assert sum(map(len, one.annotations.values())) <= 100_000
    assert max(map(len, one.annotations.values())) <= 8_000


def test_invalid_utf_8_and_lone_surrogates_are_replaced():
    body = json.dumps(webhook(alert(name="Dice", odd="\ud800"))).encode().replace(b"Dice fail.", b"Dice \xff fail.")
    (one,) = read(body, NOW).alerts
    assert one.annotations["summary"] == "Dice � fail."
    one.labels["odd"].encode()


@given(LABELS)
def test_a_key_is_short_and_the_same_in_whatever_order_labels_come(labels):
    key = dedup_key(labels)
    assert len(key) <= 255
    assert key.isascii()
    assert key == dedup_key(dict(reversed(labels.items())))


@given(LABELS, LABELS)
def test_other_labels_have_another_key(some, others):
    assert (dedup_key(some) == dedup_key(others)) == (some == others)


def test_the_key_of_an_alert_never_changes_from_one_release_to_the_next():
    """A changed scheme would leave every open incident without its resolve: it must be a new `KEY_SCHEME`."""
    assert (
        dedup_key({"alertname": "Dice fail", "team": "games"}) == "casino/1/Dice_fail/b755d4455e5a0317f9ff62afd26b6ece"
    )


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(r'{"alertname": "\ud800"}', id="a value"),
        pytest.param(r'{"alertname": "A", "\ud800": "x"}', id="a name"),
        pytest.param(r'{"alertname": {"\ud800": 1}}', id="a name within"),
    ],
)
def test_half_a_surrogate_pair_pages_all_the_same(labels):
    body = f'{{"receiver": "\\udc00", "alerts": [{{"labels": {labels}, "annotations": {{"\\udc00": "\\udfff"}}}}]}}'
    (one,) = read(body.encode(), NOW).alerts
    assert "?" in "".join((*one.labels, *one.labels.values()))
    assert one.annotations == {"?": "?"}


@pytest.mark.parametrize("deep", [500, 900, 950, 980, 990, 995, 1_000])
def test_a_label_however_deep_is_read_or_said_to_be_unreadable(deep):
    body = b'{"alerts": [{"labels": {"a": %s}}]}' % (b"[" * deep + b"]" * deep)
    with suppress(UnreadableError):
        (one,) = read(body, NOW).alerts
        assert one.labels["a"].startswith("[[")


@pytest.mark.parametrize(
    ("told", "truncated"),
    [
        pytest.param(2, 2, id="some"),
        pytest.param(-1, 0, id="less than none"),
        pytest.param(10**400, 0, id="more than a float holds"),
        pytest.param("2", 0, id="text"),
    ],
)
def test_what_was_cut_off_is_a_number_that_can_be_counted(told, truncated):
    assert read(json.dumps(webhook(alert(starts=NOW), truncatedAlerts=told)).encode(), NOW).truncated == truncated
