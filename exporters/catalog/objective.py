"""What rules record of objectives: events counted apart from errors, over each window, and divided last.

A ratio of ratios would weigh an idle night like a busy day; errors and events that are summed first do not.
"""

from exporters.catalog.metric import Recorded

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "7d", "28d", "30d", "90d")
"""Every window that is recorded; the last four are periods."""

_LABELS = ("route", "objective")

EVENTS = {
    window: Recorded(f"objective:events:increase{window}", f"Requests that count, over {window}.", _LABELS)
    for window in WINDOWS
}
ERRORS = {
    window: Recorded(f"objective:errors:increase{window}", f"Requests that broke the promise, over {window}.", _LABELS)
    for window in WINDOWS
}
ERROR_RATIO = {
    window: Recorded(
        f"objective:error_ratio:increase{window}", f"Errors over events in {window}; absent without any event.", _LABELS
    )
    for window in WINDOWS
}
BURN_RATE = Recorded(
    "objective:burn_rate:increase1h", "Error ratio over one hour, as a multiple of what the objective allows.", _LABELS
)
BUDGET_REMAINING = Recorded(
    "objective:budget_remaining:ratio",
    "Part of the period's error budget that is left; 1 without errors, below 0 when overspent.",
    _LABELS,
)
TARGET = Recorded("objective:target:ratio", "The share of requests that is promised.", _LABELS)

CATALOGUE: tuple[Recorded, ...] = (
    *EVENTS.values(),
    *ERRORS.values(),
    *ERROR_RATIO.values(),
    BURN_RATE,
    BUDGET_REMAINING,
    TARGET,
)
