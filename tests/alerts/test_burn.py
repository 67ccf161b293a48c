"""The literal tables of notes/alerting.md 1.1, written by hand: no number here is computed by what is tested."""

import pytest

from alerts.burn import TIERS

FACTORS = {
    "7d": {"page-fast": 13.44, "page-slow": 3.5, "ticket-fast": 1.4, "ticket-slow": 0.98},
    "28d": {"page-fast": 13.44, "page-slow": 5.6, "ticket-fast": 2.8, "ticket-slow": 0.9333},
    "30d": {"page-fast": 14.4, "page-slow": 6.0, "ticket-fast": 3.0, "ticket-slow": 1.0},
    "90d": {"page-fast": 15.12, "page-slow": 6.12, "ticket-fast": 2.97, "ticket-slow": 0.99},
}
WINDOWS = {
    "page-fast": ("5m", "1h"), "page-slow": ("30m", "6h"), "ticket-fast": ("2h", "1d"), "ticket-slow": ("6h", "3d"),
}  # fmt: skip


@pytest.mark.parametrize("period", FACTORS)
def test_factors_are_those_of_the_table(period):
    assert {tier.name: round(tier.factor(period), 4) for tier in TIERS[period]} == FACTORS[period]


@pytest.mark.parametrize("period", FACTORS)
def test_windows_are_the_same_for_every_period(period):
    assert {tier.name: (tier.short, tier.long) for tier in TIERS[period]} == WINDOWS


@pytest.mark.parametrize("period", FACTORS)
def test_whoever_would_overspend_is_told_before(period):
    assert min(tier.factor(period) for tier in TIERS[period]) <= 1


@pytest.mark.parametrize(
    ("objective", "seconds"),
    [
        (0.999, (52, 130, 259, 259)),
        (0.99, (518, 1296, 2592, 2592)),
        (0.95, (2592, 6480, 12960, 12960)),
    ],
    ids=["99.9%", "99%", "95%"],
)
def test_a_total_outage_is_told_as_soon_as_the_table_says(objective, seconds):
    """Long window x threshold: so long all requests fail before the window holds enough errors."""
    long = {"1h": 3600, "6h": 21600, "1d": 86400, "3d": 259200}
    found = tuple(round(tier.threshold("30d", round(1 - objective, 9)) * long[tier.long]) for tier in TIERS["30d"])
    assert found == seconds


@pytest.mark.parametrize("period", FACTORS)
@pytest.mark.parametrize("objective", [0.0001, 0.1, 0.5, 0.9, 0.93, 0.99999])
def test_every_tier_can_fire_and_none_fires_within_the_promise(period, objective):
    budget = 1 - objective
    for tier in TIERS[period][:3]:
        assert budget < tier.threshold(period, budget) < 1
    assert 0.9 * budget < TIERS[period][3].threshold(period, budget) < 1


def test_a_promise_of_everything_takes_no_failure():
    assert {tier.threshold("30d", 0.0) for tier in TIERS["30d"]} == {0.0}
