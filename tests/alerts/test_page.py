"""docs/alerts.md says what is so."""

import re
from pathlib import Path

from alerts.burn import TIERS
from alerts.rule import Alert

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()


def test_the_example_is_an_alert():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    lines, names = code.rpartition("\nAlert(")[0], {}
    exec(lines, names)
    alert = eval("Alert(" + code.rpartition("\nAlert(")[2], names)
    assert isinstance(alert, Alert)


def test_the_table_holds_the_tiers_of_every_period():
    for tiers in zip(TIERS["7d"], TIERS["30d"], TIERS["90d"], strict=True):
        week, month, quarter = (f"{tier.budget_ratio * 100:g}%" for tier in tiers)
        first = tiers[0]
        windows = f"{first.short} and {first.long}"
        assert f"| {first.name} | {first.severity} | {windows} | {week} | {month} | {quarter} |" in PAGE
