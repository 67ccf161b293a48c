import pytest

from alerts.gateway import alerts
from casino.drill.fault import Fault, Ground, Trial
from casino.drill.key import Key
from casino.drill.plan import by_ground, chosen, expect, waves


def fault(name: str, *touches: str, ground: Ground = Ground.SERVICES, alert: str = "GatewayDown") -> Fault:
    return Fault(name=name, what=name, ground=ground, touches=touches, trials=(Trial(key=Key(alert)),))


def names(planned: tuple[tuple[Fault, ...], ...]) -> list[list[str]]:
    return [[each.name for each in wave] for wave in planned]


@pytest.mark.parametrize(
    ("mine", "theirs", "meet"),
    [
        pytest.param(("dice",), ("cards",), False, id="two services"),
        pytest.param(("dice",), ("dice",), True, id="the same service"),
        pytest.param(("b",), ("b/clients",), True, id="a part of the other"),
        pytest.param(("b/clients",), ("b",), True, id="the whole of the other"),
        pytest.param(("b/clients",), ("b/log",), False, id="two parts of one"),
        pytest.param(("b",), ("bridge",), False, id="a name that only begins like the other"),
        pytest.param(("a", "dice"), ("dice", "b"), True, id="one of several"),
    ],
)
def test_faults_meet_where_one_touches_what_the_other_touches(mine, theirs, meet):
    assert fault("one", *mine).meets(fault("two", *theirs)) is meet


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([fault("x", "a"), fault("y", "b")], [["x", "y"]], id="side by side"),
        pytest.param([fault("x", "a"), fault("y", "a")], [["x"], ["y"]], id="one after the other"),
        pytest.param(
            [fault("x", "a"), fault("y", "a", "b"), fault("z", "b")],
            [["x", "z"], ["y"]],
            id="into the first that is free",
        ),
    ],
)
def test_a_wave_holds_what_does_not_meet(faults, expected):
    assert names(waves(faults)) == expected


def test_each_ground_has_waves_of_its_own_and_long_faults_go_first(spec):
    by_key = {Key(alert.name): alert for alert in alerts(spec, "ops")}
    short, long = fault("short", "a"), fault("long", "a", alert="GatewayConfigDrift")
    elsewhere = fault("elsewhere", "a", ground=Ground.CLOCK)
    planned = by_ground([short, long, elsewhere], by_key)
    assert {ground: names(some) for ground, some in planned.items()} == {
        Ground.SERVICES: [["long"], ["short"]],
        Ground.CLOCK: [["elsewhere"]],
    }


@pytest.mark.parametrize(
    ("scale", "fires", "ends"),
    [
        # 5 s of effect by the wall's clock; 120 s of window, 300 s of `for` and 25 s of sampling by the rule's.
        pytest.param(1.0, 450.0, 85.0, id="as in production"),
        pytest.param(0.1, 49.5, 8.5, id="ten times as fast"),
    ],
)
def test_an_alert_is_expected_after_effect_window_and_for(spec, scale, fires, ends):
    down = next(alert for alert in alerts(spec, "ops") if alert.name == "GatewayInstanceDown")
    assert down.for_seconds == 300
    trial = Trial(key=Key(down.name), effect_seconds=5, window_seconds=120, clears_seconds=60)
    expected = expect(trial, down, scale)
    assert (expected.fires_seconds, expected.ends_seconds) == pytest.approx((fires, ends))


CROWD = Fault(
    name="crowd", what="crowd", ground=Ground.SERVICES, touches=("b",),
    trials=(Trial(key=Key("Near")), Trial(key=Key("Refused", (("upstream", "dice"),)))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "trials", "unknown"),
    [
        pytest.param(["crowd"], ["Near", "Refused dice"], (), id="a fault"),
        pytest.param(["Near"], ["Near"], (), id="an alert"),
        pytest.param(["Refused"], ["Refused dice"], (), id="every alert of a name"),
        pytest.param(["Refused dice"], ["Refused dice"], (), id="one alert of a name"),
        pytest.param(["Near", "Refused", "Near"], ["Near", "Refused dice"], (), id="several of one fault"),
        pytest.param(["Near", "nonsense"], ["Near"], ("nonsense",), id="one that there is not"),
    ],
)
def test_names_choose_faults_and_alerts(wanted, trials, unknown):
    found, missed = chosen([CROWD, fault("other", "a")], wanted)
    assert [str(trial.key) for each in found for trial in each.trials] == trials
    assert missed == unknown
