"""Whom to believe: an Alertmanager's silence is no proof."""

import pytest

from alerts.pagerduty.core.alert import Alert, dedup_key
from alerts.pagerduty.core.standing import Caution, Listed, Standing, View, overdue, standing, still_absent, untold

CAUTION = Caution(warm_up_seconds=300, expects_watchdog=True)
DICE, CARDS, WATCHDOG = ({"alertname": name} for name in ("Dice", "Cards", "Watchdog"))
KEY = dedup_key(DICE)


def view(*lists, up_seconds=1_000.0, receivers=("pagerduty",), muted=False):
    listed = {}
    for labels in lists:
        alert = Alert(key=dedup_key(labels), firing=True, labels=labels, starts_at=1.0)
        listed[alert.key] = Listed(alert, receivers, muted)
    return View(listed=listed, up_seconds=up_seconds, at=0.0)


@pytest.mark.parametrize(
    ("views", "what"),
    [
        pytest.param([], Standing.UNKNOWN, id="nobody answers"),
        pytest.param([view(WATCHDOG)], Standing.OVER, id="all is quiet, and the Watchdog barks"),
        pytest.param([view()], Standing.UNKNOWN, id="not even the Watchdog is listed"),
        pytest.param([view(WATCHDOG, up_seconds=299)], Standing.UNKNOWN, id="just started"),
        pytest.param([view(WATCHDOG, DICE)], Standing.FIRES, id="listed"),
        pytest.param([view(DICE, up_seconds=1)], Standing.FIRES, id="listed by one that just started"),
        pytest.param([view(WATCHDOG), view(DICE, up_seconds=1)], Standing.FIRES, id="listed by one of two"),
        pytest.param([view(WATCHDOG), view(up_seconds=1)], Standing.OVER, id="one can vouch, the other just started"),
        pytest.param([view(WATCHDOG, DICE, muted=True)], Standing.FIRES, id="silenced, and firing"),
    ],
)
def test_standing(views, what):
    assert standing(KEY, views, CAUTION) is what


def test_where_no_watchdog_is_expected_an_empty_list_is_believed():
    assert standing(KEY, [view()], Caution(warm_up_seconds=0, expects_watchdog=False)) is Standing.OVER


def test_grace_begins_anew_when_nobody_can_vouch():
    since = still_absent([KEY], [view(WATCHDOG)], CAUTION, {}, 100.0)
    assert since == {KEY: 100.0}
    assert overdue(since, 60, 159) == ()
    assert overdue(since, 60, 160) == (KEY,)
    assert still_absent([KEY], [view(WATCHDOG)], CAUTION, since, 150.0) == {KEY: 100.0}
    assert still_absent([KEY], [], CAUTION, since, 150.0) == {}
    assert still_absent([KEY], [view(WATCHDOG, DICE)], CAUTION, since, 150.0) == {}


@pytest.mark.parametrize(
    ("views", "found"),
    [
        pytest.param([view(WATCHDOG, CARDS)], {dedup_key(CARDS)}, id="fires and is no incident"),
        pytest.param([view(DICE)], set(), id="is open already"),
        pytest.param([view(CARDS, muted=True)], set(), id="is silenced"),
        pytest.param([view(CARDS, receivers=("mail",))], set(), id="is for somebody else"),
    ],
)
def test_alerts_nobody_told_of_are_found(views, found):
    assert set(untold(views, frozenset({KEY}), frozenset({"pagerduty"}), {}, 5.0)) == found
