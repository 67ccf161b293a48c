"""When a storm begins and ends, what its summary says; and who of two bridges sends."""

import pytest

from alerts.pagerduty.core.lease import LEASE_SECONDS, Lease, told, waited
from alerts.pagerduty.core.severity import Severity
from alerts.pagerduty.core.storm import Told, Waiting, Weather, has_grown, summary, weather


@pytest.mark.parametrize(
    ("waiting", "is_storm", "change"),
    [
        (120, False, Weather.SAME),
        (121, False, Weather.BEGINS),
        (121, True, Weather.SAME),
        (31, True, Weather.SAME),
        (30, True, Weather.ENDS),
        (30, False, Weather.SAME),
    ],
)
def test_a_storm_is_more_than_a_minute_of_calls_and_ends_at_a_quarter(waiting, is_storm, change):
    assert weather(waiting, is_storm=is_storm, per_minute=120) is change


def test_the_summary_names_what_there_is_most_of_and_the_worst():
    told = summary("games", [Waiting("Slow", 3, 300), Waiting("Down", 1, 12), Waiting("Down", 3, 1)])
    assert told.severity is Severity.CRITICAL
    assert told.summary.startswith(
        "Alert storm: 313 alerts wait (12 critical, 301 warning); most of them Slow 300, Down 13"
    )
    assert told.details == {"Slow": "300", "Down": "13"}


TOLD = Told(waiting=200, worst=Severity.WARNING, at=1_000.0)


@pytest.mark.parametrize(
    ("told", "waiting", "worst", "now", "grown"),
    [
        pytest.param(TOLD, 250, Severity.WARNING, 1_030.0, True, id="a quarter more"),
        pytest.param(TOLD, 249, Severity.WARNING, 1_030.0, False, id="less than a quarter more"),
        pytest.param(TOLD, 2_000, Severity.WARNING, 1_029.0, False, id="it was told just now"),
        pytest.param(TOLD, 150, Severity.CRITICAL, 1_030.0, True, id="fewer, but one is critical"),
        pytest.param(TOLD, 200, Severity.INFO, 1_030.0, False, id="what is left is harmless"),
        pytest.param(None, 40, Severity.WARNING, 0.0, True, id="nobody remembers what was told"),
    ],
)
def test_a_summary_is_told_anew_when_the_storm_has_grown(told, waiting, worst, now, grown):
    assert has_grown(told, waiting, worst, now) is grown


def lease(me, holder="", term=0, heard=0.0):
    return Lease(me=me, holder=holder, term=term, heard=heard)


def test_the_holder_keeps_the_lease_and_the_other_takes_it_after_its_silence():
    assert waited(lease("a", "a", 3), 1_000.0).is_mine
    assert not waited(lease("b", "a", 3), LEASE_SECONDS - 0.1).is_mine
    taken = waited(lease("b", "a", 3), LEASE_SECONDS)
    assert (taken.is_mine, taken.term) == (True, 4)


def test_whoever_has_waited_for_nobody_begins():
    assert waited(lease("a"), LEASE_SECONDS).is_mine


@pytest.mark.parametrize(
    ("mine", "holder", "term", "believed"),
    [
        pytest.param(lease("a", "a", 1), "b", 2, "b", id="a greater term wins"),
        pytest.param(lease("a", "a", 2), "b", 1, "a", id="a smaller one loses"),
        pytest.param(lease("a", "a", 1), "b", 1, "b", id="of equal terms the greater name wins"),
        pytest.param(lease("b", "b", 1), "a", 1, "b", id="on both sides alike"),
        pytest.param(lease("a", "a", 1), "", 0, "a", id="somebody who knows nothing"),
    ],
)
def test_two_holders_agree(mine, holder, term, believed):
    assert told(mine, holder, term, 5.0).holder == believed


def test_each_renewal_is_heard():
    assert told(lease("b", "a", 1), "a", 1, 5.0).heard == 5.0
