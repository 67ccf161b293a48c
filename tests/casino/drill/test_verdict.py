import json
from io import StringIO

import pytest

from casino.drill.fault import Fault, Ground, Told, Trial, Undrilled
from casino.drill.key import Key
from casino.drill.plan import Expected
from casino.drill.report import as_json, listing, table
from casino.drill.verdict import Sighting, Verdict, judge
from casino.paint import GREEN, RED, Paint

FAULT = Fault(
    name="dice-dead", what="all dice are killed", ground=Ground.SERVICES, touches=("dice",),
    trials=(Trial(key=Key("GatewayUpstreamDown", (("upstream", "dice"),))),),
)  # fmt: skip
WHOLE = {"broke_at": 100.0, "fired_at": 109.0, "told_at": 110.5, "healed_at": 111.0, "ended_at": 113.0}
EXPECTED = Expected(fires_seconds=10.0, ends_seconds=5.0)


def outcome(told: Told = Told.ITSELF, *, broken_off: bool = False, **seen: float | None):
    trial = Trial(key=FAULT.trials[0].key, told=told)
    sighting = Sighting(**{**WHOLE, **seen}, was_broken_off=broken_off)
    return judge(FAULT, trial, scale=1 / 15, expected=EXPECTED, seen=sighting)


@pytest.mark.parametrize(
    ("judged", "verdict", "is_proof"),
    [
        pytest.param(outcome(), Verdict.PROVEN, True, id="all of it"),
        pytest.param(outcome(fired_at=115.0), Verdict.PROVEN, True, id="a moment late, as a busy machine is"),
        pytest.param(outcome(fired_at=115.1), Verdict.LATE, True, id="later than its closed form"),
        pytest.param(outcome(fired_at=None, told_at=None, ended_at=None), Verdict.SILENT, False, id="never fired"),
        pytest.param(outcome(told_at=None), Verdict.UNTOLD, False, id="nobody was told"),
        pytest.param(outcome(told_at=None, told=Told.NOBODY), Verdict.PROVEN, True, id="nobody is to be told"),
        pytest.param(outcome(ended_at=None), Verdict.UNENDING, False, id="never ended"),
        pytest.param(outcome(ended_at=None, broken_off=True), Verdict.BROKEN_OFF, False, id="somebody would not wait"),
    ],
)
def test_only_what_fired_paged_and_ended_is_proof(judged, verdict, is_proof):
    assert (judged.verdict, judged.verdict.is_proof) == (verdict, is_proof)


def test_times_count_from_the_fault_and_from_its_end():
    judged = outcome()
    assert (judged.fired_seconds, judged.told_seconds, judged.resolved_seconds) == (9.0, 10.5, 2.0)


LEFT = (Undrilled(Key("GatewayDebitsDropped"), "needs 50,000 callers"),)


def test_the_table_names_what_was_drilled_and_what_was_not():
    lines = table(
        [outcome(), outcome(Told.BRIDGE, fired_at=None, told_at=None, ended_at=None)], LEFT, Paint(StringIO())
    )
    head, first, second, _, left = lines.splitlines()
    assert head.split() == ["alert", "fault", "time", "expected", "fired", "paged", "resolved", "verdict"]
    assert [cell.strip() for cell in first.split("  ") if cell] == [
        "GatewayUpstreamDown dice", "all dice are killed", "15 x", "10.0s", "9.0s", "10.5s", "2.0s", "proven",
    ]  # fmt: skip
    assert second.rstrip().endswith("did not fire")
    assert left == "not drilled: GatewayDebitsDropped: needs 50,000 callers"


@pytest.mark.parametrize(
    ("by", "paged"),
    [(Told.BRIDGE, "10.5s by the bridge"), (Told.AFTERWARDS, "10.5s afterwards"), (Told.NOBODY, "nobody")],
    ids=str,
)
def test_the_table_says_over_which_way_people_were_told(by, paged):
    assert f"  {paged}  " in table([outcome(by)], (), Paint(StringIO()))


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals():
    both = [outcome(), outcome(told_at=None)]
    painted = table(both, (), Paint(Terminal()))
    assert (painted.count(GREEN), painted.count(RED)) == (1, 1)
    assert "\x1b" not in table(both, (), Paint(StringIO()))


def test_a_machine_reads_the_same():
    read = json.loads(as_json([outcome()], LEFT))
    assert read["undrilled"] == [{"alert": "GatewayDebitsDropped", "reason": "needs 50,000 callers"}]
    [drilled] = read["drilled"]
    assert (drilled["alert"], drilled["told_seconds"], drilled["verdict"]) == (
        "GatewayUpstreamDown dice",
        10.5,
        "proven",
    )


def test_the_list_has_each_fault_with_its_alerts():
    assert listing([FAULT], LEFT).splitlines() == [
        "dice-dead              services  all dice are killed",
        "                                   GatewayUpstreamDown dice",
        "",
        "not drilled: GatewayDebitsDropped: needs 50,000 callers",
    ]
