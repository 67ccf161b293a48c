"""How fast an error budget may burn before somebody is told: the four tiers of each period, as data.

Google's SRE Workbook, chapter 5, "Multiwindow, multi-burn-rate alerts": a long window shows that much of the budget is
gone, a short one that it still burns, so that an alert ends soon after its cause. Windows are the same for every
period, since they are about how soon people must know; the part of the budget is what differs.
"""

from msgspec import Struct

from alerts.rule import Severity
from exporters.duration import seconds_of

LEAST_ERRORS = 10
"""Errors in the long window below which no tier fires: one failure among few requests says nothing."""

_CLEARLY_BAD = 0.9


class Tier(Struct, frozen=True):
    """One pair of windows."""

    name: str
    severity: Severity
    short: str
    long: str
    budget_ratio: float
    """The part of the period's budget that is gone when errors came evenly over the long window."""

    def factor(self, period: str) -> float:
        """The burn rate: 1 spends the budget in exactly one period."""
        return self.budget_ratio * seconds_of(period) / seconds_of(self.long)

    def threshold(self, period: str, budget_ratio: float) -> float:
        """The share of errors above which the tier fires.

        Where the factor asks for more errors than there are requests, it is nine tenths of the way from the budget to
        1: of a promise of 90 % the fast page would else never come (14.4 x 10 % of errors do not exist).
        """
        return min(self.factor(period) * budget_ratio, budget_ratio + _CLEARLY_BAD * (1 - budget_ratio))


def _tiers(page_fast: float, page_slow: float, ticket_fast: float, ticket_slow: float) -> tuple[Tier, ...]:
    return (
        Tier("page-fast", Severity.CRITICAL, "5m", "1h", page_fast),
        Tier("page-slow", Severity.CRITICAL, "30m", "6h", page_slow),
        Tier("ticket-fast", Severity.WARNING, "2h", "1d", ticket_fast),
        Tier("ticket-slow", Severity.WARNING, "6h", "3d", ticket_slow),
    )


TIERS: dict[str, tuple[Tier, ...]] = {
    "7d": _tiers(0.08, 0.125, 0.20, 0.42),
    "28d": _tiers(0.02, 0.05, 0.10, 0.10),
    "30d": _tiers(0.02, 0.05, 0.10, 0.10),
    "90d": _tiers(0.007, 0.017, 0.033, 0.033),
}
"""By period. 28 and 30 days as the workbook has them, with a ticket for a day; a week and a quarter are chosen so that
the slowest tier burns at just below 1, and whoever would overspend is told before."""
