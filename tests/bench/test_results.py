from typing import Any

import msgspec
import pytest

from bench.machine import Machine
from bench.plot import number, panels
from bench.report import markdown
from bench.results import Problem, Results, Sample
from bench.targets import MILLISECONDS, TARGETS, TIMES, Bound, Target, Verdict, at_least, at_most, judge_all

MACHINE = Machine(processor="Test", cores=2, memory_bytes=2**30, kernel="6", system="Debian", python="3.11")


def results(*samples: Sample, problems: tuple[Problem, ...] = ()) -> Results:
    return Results(
        when="2026-01-01T00:00:00+00:00",
        machine=MACHINE,
        versions={"casino": "0.1.0", "nginx": "1.22.1", "envoy": "1.40.0"},
        rounds=3,
        seconds=6,
        samples=samples,
        problems=problems,
    )


def rounds(scenario: str, entrant: str, key: str, *values: float) -> list[Sample]:
    return [
        Sample(scenario=scenario, entrant=entrant, round=turn, values={key: value}) for turn, value in enumerate(values)
    ]


OF_OVERLOAD = (
    "truly offered over the peak",
    "goodput over the peak",
    "no answer within 1 s",
    "broken or another answer",
    "503 within (p99)",
    "health answered",
)
RATES = results(
    *rounds("get", "casino", "requests_per_second", 16_000, 8_000, 18_000),
    *rounds("get", "envoy", "requests_per_second", 8_000, 4_000, 10_000),
    *rounds("get", "nginx", "requests_per_second", 40_000, 20_000),
)


def test_what_was_measured_again_stands_for_what_was_before_and_is_said() -> None:
    again = [
        sample for name in ("casino", "envoy", "nginx") for sample in rounds("get", name, "requests_per_second", 20_000)
    ]
    later = msgspec.structs.replace(results(*again), when="2026-01-02T00:00:00+00:00")
    before = results(
        *RATES.samples,
        *rounds("tls", "casino", "requests_per_second", 5_000),
        problems=tuple(Problem(entrant="caddy", scenario=name, reason="it hung") for name in ("get", "tls")),
    )
    both = before.then(later)
    assert both.values("get", "casino", "requests_per_second") == {0: 20_000}
    assert [problem.scenario for problem in both.problems] == ["tls"]
    assert both.median("tls", "casino", "requests_per_second") == 5_000
    assert "Measured again: get, 2026-01-02T00:00:00+00:00." in markdown(both)
    assert "Measured again" not in markdown(before)


@pytest.mark.parametrize(
    "other",
    [
        {"machine": msgspec.structs.replace(MACHINE, cores=4)},
        {"versions": {"casino": "0.2.0"}},
        {"versions": {"casino": "0.1.0", "caddy": "2"}},
    ],
    ids=["another machine", "another version", "another product"],
)
def test_runs_that_cannot_be_compared_are_not_put_together(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="another machine"):
        RATES.then(msgspec.structs.replace(RATES, **other))


def test_who_was_measured_before_must_be_measured_again() -> None:
    later = results(*rounds("get", "casino", "requests_per_second", 20_000))
    with pytest.raises(ValueError, match="envoy, nginx of get was not measured again"):
        RATES.then(later)


@pytest.mark.parametrize("other", [{"rounds": 1}, {"seconds": 1.5}])
def test_rounds_of_another_number_or_length_are_not_put_together(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not 3 of 6 s"):
        RATES.then(msgspec.structs.replace(RATES, **other))


def test_a_median_ignores_the_round_that_went_wrong() -> None:
    assert RATES.median("get", "casino", "requests_per_second") == 16_000
    assert RATES.median("get", "caddy", "requests_per_second") is None


def test_ratios_are_taken_within_a_round_so_that_a_slow_round_cancels_out() -> None:
    assert RATES.ratio("get", "requests_per_second", "casino", "envoy") == 2.0


def test_rounds_that_only_one_of_two_finished_are_not_compared() -> None:
    assert RATES.ratio("get", "requests_per_second", "casino", "nginx") == pytest.approx(0.4)


def test_added_latency_is_the_median_of_differences() -> None:
    latency = results(
        *rounds("latency", "direct", "p50_seconds", 0.001, 0.005, 0.001),
        *rounds("latency", "casino", "p50_seconds", 0.0012, 0.0052, 0.0013),
    )
    assert latency.added("latency", "p50_seconds", "casino", "direct") == pytest.approx(0.0002)


@pytest.mark.parametrize(
    ("bound", "value", "verdict"),
    [
        pytest.param(at_least(1.5, TIMES), 1.5, Verdict.PASS, id="at-least-met"),
        pytest.param(at_least(1.5, TIMES), 1.49, Verdict.FAIL, id="at-least-missed"),
        pytest.param(at_most(0, TIMES), 0.0, Verdict.PASS, id="none-allowed-none-seen"),
        pytest.param(at_most(0, TIMES), 1.0, Verdict.FAIL, id="none-allowed-one-seen"),
        pytest.param(at_most(0.3, MILLISECONDS), 0.00029, Verdict.PASS, id="in-the-unit-of-the-bound"),
        pytest.param(at_most(1, TIMES), None, Verdict.UNMEASURED, id="no-number"),
    ],
)
def test_a_target_is_judged(bound: Bound, value: float | None, verdict: Verdict) -> None:
    assert Target("", lambda _: value, bound).judge(value) is verdict


def test_a_bound_speaks_in_its_own_unit() -> None:
    bound = at_most(0.3, MILLISECONDS)
    assert (str(bound), bound.show(0.00021), bound.show(None)) == ("≤ 0.3 ms", "0.21 ms", "-")


def test_verdicts_follow_the_measurements() -> None:
    verdicts = {line.what: (line.measured, line.verdict) for line in judge_all(RATES)}
    assert verdicts["small GET, requests/s over Envoy"] == ("2 x", Verdict.PASS)
    assert verdicts["small GET, requests/s over nginx"] == ("0.4 x", Verdict.FAIL)
    assert verdicts["small GET, requests/s over Caddy"] == ("-", Verdict.UNMEASURED)


def test_the_report_has_a_line_per_target_and_a_row_per_entrant() -> None:
    text = markdown(RATES, plot="benchmarks.svg")
    assert "| small GET, requests/s over Envoy | ≥ 1.5 x | 2 x | PASS |" in text
    assert f"1 reached, 1 missed, {len(TARGETS) - 2} not measured." in text
    assert "| envoy | 8,000 |" in text
    assert "![Casino and its peers](benchmarks.svg)" in text
    assert "## POST" not in text


def test_tables_are_rectangular() -> None:
    for block in markdown(RATES).split("\n\n"):
        table = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in table}) <= 1


def test_the_report_says_who_was_not_measured_and_why() -> None:
    text = markdown(results(problems=(Problem(entrant="caddy", scenario="", reason="StartError: no"),)))
    assert "- caddy (everywhere): StartError: no" in text


def test_the_report_names_numbers_that_are_the_generators_limit() -> None:
    busy = [
        Sample(scenario="down", entrant=name, round=0, values={"product_busy_ratio": own, "load_busy_ratio": load})
        for name, own, load in (("nginx", 0.6, 0.99), ("envoy", 0.99, 0.99), ("direct", 0.0, 1.0))
    ]
    assert "Limited by the generator's core, not their own: nginx." in markdown(results(*busy))


def test_the_report_names_numbers_that_other_processes_disturbed() -> None:
    text = markdown(
        results(
            *rounds("get", "nginx", "others_ratio", 0.02, 0.4, 0.28),
            *rounds("get", "envoy", "others_ratio", 0.02, 0.03, 0.4),
        )
    )
    assert "Disturbed, as other processes used the product's core: nginx (28%)." in text


def test_the_report_names_those_who_were_not_offered_twice_their_capacity() -> None:
    text = markdown(
        results(
            *rounds("overload", "nginx", "offered_ratio", 1.2), *rounds("overload", "casino", "offered_ratio", 1.95)
        )
    )
    assert "The offer was not made, so nothing is said of their goodput: nginx (120%)." in text


def test_an_offer_that_was_not_made_is_a_target_missed() -> None:
    values = {"offered_ratio": 0.9, "gave_up_ratio": 0.7, "shed_p99_seconds": 1.05, "failed": 0, "health_ratio": 1}
    sample = Sample(scenario="overload", entrant="casino", round=0, values=values)
    verdicts = {line.what: line.verdict for line in judge_all(results(sample))}
    of_overload = {what: verdict for what, verdict in verdicts.items() if what.startswith("twice the capacity")}
    assert of_overload.pop("twice the capacity, truly offered over the peak") is Verdict.FAIL
    assert set(of_overload.values()) == {Verdict.UNMEASURED}


def test_an_overload_is_judged_by_its_median_and_by_the_worst_round_of_what_must_not_happen() -> None:
    found = [
        (1.95, 0.79, 0.002, 0, 0.99, 0.30),
        (1.99, 0.93, 0.004, 2, 1.00, 0.12),
        (2.00, 0.91, 0.000, 0, 1.00, 0.20),
        (1.20, 0.10, 0.500, 9, 0.50, 1.00),
    ]
    keys = ("offered_ratio", "goodput_ratio", "gave_up_ratio", "failed", "health_ratio", "shed_p99_seconds")
    samples = [
        Sample(scenario="overload", entrant="casino", round=turn, values=dict(zip(keys, values, strict=True)))
        for turn, values in enumerate(found)
    ]
    measured = {line.what.removeprefix("twice the capacity, "): line.measured for line in judge_all(results(*samples))}
    assert [measured[what] for what in OF_OVERLOAD] == ["197 %", "91 %", "0.4 %", "2 requests", "200 ms", "99 %"]


def test_krakend_is_judged_by_its_engine_where_it_is_not_installed() -> None:
    casino = rounds("get", "casino", "requests_per_second", 12_000)
    engine = rounds("get", "lura", "requests_per_second", 3_000)
    whole = rounds("get", "krakend", "requests_per_second", 6_000)
    name = "small GET, requests/s over KrakenD, or its engine"
    read = {line.what: line.measured for line in judge_all(results(*casino, *engine))}
    assert read[name] == "4 x"
    read = {line.what: line.measured for line in judge_all(results(*casino, *engine, *whole))}
    assert read[name] == "2 x"


def test_a_panel_without_numbers_is_left_out() -> None:
    assert [panel.title for panel in panels(RATES)] == ["Small GET, thousand requests/s on one core"]


@pytest.mark.parametrize(("value", "text"), [(0.3312, "0.331"), (15.32, "15.3"), (99.96, "100"), (1882.7, "1,883")])
def test_bars_carry_numbers_that_people_read(value: float, text: str) -> None:
    assert number(value) == text
