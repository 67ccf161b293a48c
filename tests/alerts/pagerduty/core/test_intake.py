"""What an alert means, given what is known: times decide, not the order in which things are told."""

import pytest

from alerts.pagerduty.core.alert import Alert
from alerts.pagerduty.core.intake import Incident, Verdict, incident_after, judge, target_of


def told(*, starts, ends=0.0, name="Dice", **labels):
    return Alert(key="k", firing=not ends, labels={"alertname": name, **labels}, starts_at=starts, ends_at=ends)


def known(*, starts, ends=0.0):
    return Incident(key="k", target="games", is_open=not ends, starts_at=starts, ends_at=ends)


@pytest.mark.parametrize(
    ("alert", "incident", "verdict"),
    [
        pytest.param(told(starts=10), None, Verdict.OPENED, id="new"),
        pytest.param(told(starts=10), known(starts=10), Verdict.REPEATED, id="told again"),
        pytest.param(
            told(starts=50), known(starts=10), Verdict.REPEATED, id="began again though its end was never told"
        ),
        pytest.param(told(starts=30), known(starts=10, ends=20), Verdict.OPENED, id="began again"),
        pytest.param(told(starts=20), known(starts=10, ends=20), Verdict.OPENED, id="began again at once"),
        pytest.param(
            told(starts=10), known(starts=10, ends=20), Verdict.DOUBTFUL, id="its beginning, told after its end"
        ),
        pytest.param(told(starts=15), known(starts=10, ends=20), Verdict.DOUBTFUL, id="began before it ended"),
        pytest.param(told(starts=10, ends=20), known(starts=10), Verdict.CLOSED, id="ended"),
        pytest.param(told(starts=5, ends=20), known(starts=10), Verdict.CLOSED, id="ended, with another beginning"),
        pytest.param(told(starts=10, ends=20), known(starts=30), Verdict.STALE, id="an old end of what began again"),
        pytest.param(told(starts=10, ends=20), known(starts=10, ends=20), Verdict.REPEATED, id="ended before"),
        pytest.param(told(starts=10, ends=20), None, Verdict.HEALED, id="the end of something unheard of"),
        pytest.param(told(starts=10, name="Watchdog", severity="none"), None, Verdict.HEARTBEAT, id="the Watchdog"),
        pytest.param(
            told(starts=10, name="Watchdog", severity="critical"), None, Verdict.OPENED, id="somebody's own Watchdog"
        ),
    ],
)
def test_verdict(alert, incident, verdict):
    assert judge(alert, incident) is verdict


def test_an_incident_ends_where_it_was_opened_though_its_team_has_another_key_now():
    assert incident_after(Verdict.CLOSED, told(starts=10, ends=20), "tables", known(starts=10)).target == "games"


def test_what_repeats_changes_nothing():
    assert incident_after(Verdict.REPEATED, told(starts=10), "games", known(starts=10)) is None


@pytest.mark.parametrize(
    ("labels", "target"),
    [
        pytest.param({"team": "games"}, "games-primary", id="a team with a key"),
        pytest.param({"team": "unowned"}, "main", id="a team without"),
        pytest.param({}, "main", id="no team"),
    ],
)
def test_an_alert_goes_to_its_team_or_to_the_default(labels, target):
    assert target_of(told(starts=1, **labels), {"games": "games-primary"}, "main") == target
