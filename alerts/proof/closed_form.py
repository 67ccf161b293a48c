"""When a burn-rate alert must fire and clear, by arithmetic: no rule, no builder and no table of the generator is used."""

from msgspec import Struct

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_PERIODS = {"7d": 7 * _DAY, "28d": 28 * _DAY, "30d": 30 * _DAY, "90d": 90 * _DAY}
_BUDGET_PARTS = {
    "7d": (0.08, 0.125, 0.2, 0.42),
    "28d": (0.02, 0.05, 0.1, 0.1),
    "30d": (0.02, 0.05, 0.1, 0.1),
    "90d": (0.007, 0.017, 0.033, 0.033),
}
_WINDOWS = (
    ("page-fast", "critical", 5 * _MINUTE, _HOUR),
    ("page-slow", "critical", 30 * _MINUTE, 6 * _HOUR),
    ("ticket-fast", "warning", 2 * _HOUR, _DAY),
    ("ticket-slow", "warning", 6 * _HOUR, 3 * _DAY),
)
FEWEST_ERRORS = 10


class Burn(Struct, frozen=True):
    """One tier of one promise: above which share of errors, over which windows."""

    tier: str
    severity: str
    short_seconds: float
    long_seconds: float
    threshold_ratio: float

    def fires_after(self, errors_ratio: float) -> float | None:
        """Seconds from the first error until it fires, with steady traffic and a long window without errors behind it;
        None: never.

        After T seconds the long window holds T x errors / long.
        """
        if errors_ratio <= self.threshold_ratio:
            return None
        return self.long_seconds * self.threshold_ratio / errors_ratio

    def clears_after(self, errors_ratio: float) -> float:
        """Seconds from the last error until it ends: the short window empties first."""
        return self.short_seconds * (1 - self.threshold_ratio / errors_ratio)


def burns(period: str, ratio: float) -> tuple[Burn, ...]:
    """Return the four tiers of a promise."""
    budget = 1 - ratio
    return tuple(
        Burn(tier, severity, short, long, min(part * _PERIODS[period] / long * budget, 0.9 + 0.1 * budget))
        for part, (tier, severity, short, long) in zip(_BUDGET_PARTS[period], _WINDOWS, strict=True)
    )
