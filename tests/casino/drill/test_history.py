import re
import shutil
import subprocess
from itertools import pairwise

import pytest

from casino.drill.budgets import LEAD_SECONDS, ROUTES, left_seconds, met, recovers_seconds
from casino.drill.history import text

NOW, SCALE = 1_000_000_000.0, 1 / 40
DAY = 86_400.0
LINE = re.compile(r"^(?P<name>[^{]+)\{(?P<labels>[^}]*)\} (?P<value>\S+) (?P<at>\S+)$")


@pytest.fixture(scope="module")
def availability(spec):
    return next(each for each in met(spec) if (each.route, each.kind) == ("roll", "availability"))


def samples(written: str, name: str, *labels: str) -> list[tuple[float, float]]:
    """When and how much, in the order of time."""
    found = (LINE.match(line) for line in written.splitlines())
    return sorted(
        (float(each["at"]), float(each["value"]))
        for each in found
        if each and each["name"] == name and all(label in each["labels"] for label in labels)
    )


def test_a_route_was_asked_for_at_the_rate_of_the_drill(availability):
    counted = samples(
        text((availability,), now=NOW, scale=SCALE, is_long=False), "gateway_requests_total", 'class="2xx"'
    )
    (first, low), (last, high) = counted[0], counted[-1]
    assert last - first >= 3600 * SCALE
    assert NOW - last < 15 * SCALE
    assert (high - low) / (last - first) == pytest.approx(ROUTES["roll"], rel=1e-3)


def test_a_short_history_has_no_days(availability):
    assert "objective:" not in text((availability,), now=NOW, scale=1.0, is_long=False)


def test_last_week_is_remembered_for_as_long_as_a_drill_may_last(availability):
    counted = samples(text((availability,), now=NOW, scale=SCALE, is_long=True), "gateway_responses_total")
    a_week_ago = NOW - 7 * DAY * SCALE
    assert counted[0][0] <= a_week_ago - 3600 * SCALE
    assert counted[-1][0] >= a_week_ago + 30 * 60


@pytest.mark.parametrize("window", ["1h", "2h", "6h", "1d", "3d"])
def test_recorded_windows_leave_no_gap_that_rules_would_notice(availability, window):
    written = text((availability,), now=NOW, scale=SCALE, is_long=True)
    times = [at for at, _ in samples(written, f"objective:events:increase{window}")]
    assert max(after - before for before, after in pairwise(times)) <= 1800 * SCALE
    assert times[-1] == NOW


def test_the_budget_has_what_the_fault_must_spend_until_old_errors_leave_the_period(availability):
    written = text((availability,), now=NOW, scale=SCALE, is_long=True)
    errors = dict(samples(written, "objective:errors:increase3d"))
    # The period looks back at ends of three days: 27 days ago at most.
    forgiven = NOW + recovers_seconds(availability, SCALE) - 27 * DAY * SCALE
    spent = {value for at, value in errors.items() if at < forgiven - 1}
    assert {value for at, value in errors.items() if at > forgiven + 1} == {0.0}
    [old] = spent
    budget = 0.001 * ROUTES["roll"] * 30 * DAY * SCALE
    still_to_spend = left_seconds(availability) * SCALE * ROUTES["roll"] * 0.4
    assert old == pytest.approx(budget - still_to_spend)
    assert 0 < still_to_spend < budget


def test_old_errors_are_forgiven_only_after_all_tiers_fired(availability):
    slowest = 2 * left_seconds(availability)
    assert recovers_seconds(availability, SCALE) > LEAD_SECONDS + slowest * SCALE + 300 * SCALE


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_history(spec, tmp_path):
    (tmp_path / "history.om").write_text(text(met(spec), now=NOW, scale=SCALE, is_long=True))
    done = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", tmp_path / "history.om", tmp_path / "data"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
