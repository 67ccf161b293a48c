"""The four cases in which the best tools were measured wrong (notes/alerting.md, E1 to E4), and their relatives.

promtool plays them to the rules; the truth is arithmetic that stands beside each case.
"""

import pytest

from alerts.render import render

GOOD = 'gateway_requests_total{route="roll",arm="v1",class="2xx",source="upstream",job="casino",instance="a"}'
BAD = 'gateway_requests_total{route="roll",arm="v1",class="5xx",source="upstream",job="casino",instance="a"}'
LEFT = 'gateway_requests_total{route="roll",arm="v1",class="499",source="client",job="casino",instance="a"}'
LIMITED = 'gateway_requests_total{route="roll",arm="-",class="4xx",source="gateway",job="casino",instance="a"}'
MISSING = 'gateway_requests_total{route="roll",arm="v1",class="4xx",source="upstream",job="casino",instance="a"}'
WHERE = '{route="roll", objective="availability"}'
REMAINING = "objective:budget_remaining:ratio"
AVAILABLE = "{availability: 99%, period: 7d}"


@pytest.fixture
def rules(spec_of):
    files = render(spec_of(AVAILABLE))
    return {path: text for path, text in files.items() if "objective-" in path}


def near(expr, truth, within=0.01):
    """Ask for a relative error: promtool compares exactly."""
    return f"abs(({expr}) / {truth!r} - 1) < bool {within}", [{"labels": WHERE, "value": 1}]


def silent(at):
    return ('ALERTS{alertstate="firing"}', at, [])


def firing(at, tier, severity):
    name = "GatewayErrorBudgetBurn"
    labels = (
        f'ALERTS{{alertname="{name}", alertstate="firing", objective="availability", route="roll", '
        f'severity="{severity}", team="games", tier="{tier}"}}'
    )
    return (f'ALERTS{{alertstate="firing",tier="{tier}"}}', at, [{"labels": labels, "value": 1}])


def test_an_idle_service_spends_nothing_and_alerts_nobody(rules, judge):
    expected = [
        silent("30m"),
        (REMAINING, "30m", [{"labels": REMAINING + WHERE, "value": 1}]),
        ("objective:error_ratio:increase5m", "30m", []),
        (f"{REMAINING} != {REMAINING}", "30m", []),
    ]
    assert judge(rules, {GOOD: "5x60", BAD: "0x60"}, expected, every="1m")


def test_an_idle_service_after_traffic_keeps_its_budget(rules, judge):
    """One hour at 60 a minute with 0.4 % errors, then nothing: two fifths of a 1 % budget are spent, for a week."""
    series = {GOOD: "0+60x60 3600x600", BAD: "0+0.25x60 15x600"}
    share = 15 / (3600 + 15)
    expr, samples = near(REMAINING, 1 - share / 0.01)
    assert judge(rules, series, [(expr, "10h", samples), silent("10h")], every="5m")


def test_errors_weigh_as_much_by_night_as_by_day(rules, judge):
    """E3: 12 h busy without errors, 12 h at a thousandth of it with 1 % errors; tools were wrong by 493 times."""
    series = {GOOD: "0+6000x720 4320000+5.94x720", BAD: "0x720 0+0.06x720"}
    truth = 0.06 * 720 / (6000 * 720 + 6 * 720)
    expr, samples = near("objective:error_ratio:increase1d", truth)
    assert judge(rules, series, [(expr, "24h", samples), silent("24h")], every="5m")


def test_errors_that_appear_late_count_for_what_they_are(rules, judge):
    """E2: the error series begins with an incident of a quarter of an hour; tools were wrong by 138 times."""
    series = {GOOD: "0+600x1440", BAD: "_x720 0+60x15 900x705"}
    truth = 60 * 15 / (600 * 1440 + 60 * 15)
    expr, samples = near("objective:error_ratio:increase7d", truth)
    assert judge(rules, series, [(expr, "24h", samples)], every="5m")


def test_errors_whose_series_ends_with_the_incident_count_a_little_more(rules, judge):
    """`increase` supposes that a series went on for half a scrape (here of a minute) after its last sample."""
    series = {GOOD: "0+600x1440", BAD: "_x720 0+60x15 _x705"}
    truth = 60 * 15.5 / (600 * 1440 + 60 * 15.5)
    expr, samples = near("objective:error_ratio:increase7d", truth)
    assert judge(rules, series, [(expr, "24h", samples)], every="5m")


@pytest.mark.parametrize("at_seconds", [7200 + 15, 7200 + 30], ids=["between two scrapes", "at a scrape"])
def test_what_fails_where_two_windows_meet_is_counted_once(rules, judge, at_seconds):
    """A hundred failures between two scrapes ten seconds apart, an hour ago: two hours are two windows end to end."""
    scrapes = (at_seconds - 3600) // 10 + 1
    series = {GOOD: "0+100x800", BAD: f"0x{scrapes - 1} 100x{800 - scrapes}"}
    expr, samples = near("objective:errors:increase2h", 100)
    assert judge(rules, series, [(expr, f"{at_seconds}s", samples)], every="15s", scraped="10s")


def test_without_any_error_series_the_budget_is_whole(rules, judge):
    labels = REMAINING + WHERE
    assert judge(
        rules, {GOOD: "0+60x120"}, [(REMAINING, "2h", [{"labels": labels, "value": 1}]), silent("2h")], every="1m"
    )


def test_a_counter_that_falls_to_zero_loses_nothing(rules, judge):
    """A gateway begins anew every two hours; 0.5 % of its requests fail all the time."""
    steps = " ".join(["0+199x119"] * 12)
    errors = " ".join(["0+1x119"] * 12)
    share, samples = near("objective:error_ratio:increase1d", 0.005)
    assert judge(rules, {GOOD: steps, BAD: errors}, [(share, "23h55m", samples)], every="5m")


def test_one_failure_among_few_requests_pages_nobody(rules, judge):
    """E4: a request each ten minutes, one of which fails."""
    quiet = " ".join(f"{count}x9" for count in range(30))
    series = {GOOD: quiet, BAD: "0x100 1x200"}
    assert judge(rules, series, [silent(f"{minute}m") for minute in (102, 110, 150, 200)], every="1m")


def test_a_reply_that_is_nobodys_fault_counts_on_neither_side(rules, judge):
    """499, and what the gateway itself refuses (429, 401), are no events; a 4xx of the service is a good answer."""
    series = {GOOD: "0+60x120", BAD: "0+6x120", LEFT: "0+600x120", LIMITED: "0+600x120", MISSING: "0+34x120"}
    expr, samples = near("objective:error_ratio:increase1h", 6 / 100)
    assert judge(rules, series, [(expr, "2h", samples)], every="1m")


def test_a_week_is_exact_from_its_first_minute_to_its_last(rules, judge):
    """What failed leaves the budget a week later, not before."""
    series = {GOOD: "0+600x12000", BAD: "0+0x60 0+60x30 1800x11900"}
    truth = 1 - 1800 / (600 * 7 * 1440 + 1800) / 0.01
    expr, samples = near(REMAINING, truth)
    expected = [(expr, "168h30m", samples), (REMAINING, "171h", [{"labels": REMAINING + WHERE, "value": 1}])]
    assert judge(rules, series, expected, every="30m")


def test_a_hole_in_the_recording_does_not_hide_what_was_before(spec_of, judge):
    """Nothing was scraped for twenty minutes a day ago: a window that would end there is taken from before."""
    rules = render(spec_of(AVAILABLE))
    series = {GOOD: "0+600x600 _x20 372600+600x1600", BAD: "0+3x600 _x20 1863+3x1600"}
    expr, samples = near("objective:events:increase1d", 603 * 1440, within=0.03)
    assert judge(rules, series, [(expr, "34h15m", samples)], every="15m")


def test_a_latency_objective_counts_what_was_too_slow(spec_of, judge):
    rules = render(spec_of("{latency: 90% within 100ms, period: 30d}"))
    name = 'gateway_first_byte_seconds_{part}{{route="roll",arm="v1",job="casino",instance="a"{le}}}'
    series = {
        name.format(part="count", le=""): "0+100x120",
        name.format(part="bucket", le=',le="0.1"'): "0+80x120",
        name.format(part="bucket", le=',le="0.25"'): "0+100x120",
    }
    where = '{route="roll", objective="latency"}'
    expr, _ = near("objective:error_ratio:increase1h", 0.2)
    remaining, _ = near(REMAINING, 1 - 0.2 / 0.1)
    one = [{"labels": where, "value": 1}]
    assert judge(rules, series, [(expr, "2h", one), (remaining, "2h", one)], every="1m")


def test_a_promise_of_everything_has_no_budget_and_no_infinity(spec_of, judge):
    rules = render(spec_of("{availability: 100%}"))
    series = {GOOD: "0+60x120", BAD: "0+1x120"}
    expected = [
        (REMAINING, "2h", []),
        ("objective:burn_rate:increase1h", "2h", []),
        firing("2h", "page-fast", "critical"),
    ]
    assert judge(rules, series, expected, every="1m")


def test_a_promise_of_nothing_has_no_rules(spec_of):
    assert not [name for name in render(spec_of("{availability: 0%}")) if "objective-" in name]


@pytest.mark.parametrize("period", ["7d", "28d", "30d", "90d"])
def test_promtool_takes_the_rules_of_every_period(spec_of, promtool, period):
    files = render(spec_of(f"{{availability: 99.9%, latency: 99% within 100ms, period: {period}}}"))
    promtool(files, "check", "rules", "--lint=all", "--lint-fatal", *files)


def test_time_may_be_scaled(spec_of, promtool):
    files = render(spec_of("{availability: 99.9%}"), time_scale=1 / 60)
    promtool(files, "check", "rules", "--lint=all", "--lint-fatal", *files)
    text = files["prometheus/rules/objective-roll-availability.yaml"]
    assert "[5500ms]" in text
    assert "offset 24m" in text
    assert "[5m]" not in text
