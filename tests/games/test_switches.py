import msgspec
import pytest

from casino.games.switches import Fault, Switches, parse, show


def test_people_write_durations_and_shares_with_units():
    switches = parse({"latency": "300ms", "errors": "30%", "hangs": 0.1, "unhealthy": True})
    assert switches == Switches(latency_seconds=0.3, errors_ratio=0.3, hangs_ratio=0.1, unhealthy=True)


def test_what_is_shown_can_be_set_again():
    switches = Switches(latency_seconds=0.3, errors_ratio=0.125, unhealthy=True)
    assert show(switches).items() >= {"latency": "300ms", "errors": "12.5%", "hangs": "0%", "unhealthy": True}.items()
    assert parse(show(switches)) == switches


def test_a_switch_that_is_not_named_is_off():
    assert parse({}).fault(0.0) is None


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"latancy": "300ms"}, "latancy", id="unknown"),
        pytest.param({"latency": "300"}, "latency", id="no unit"),
        pytest.param({"latency": "-1s"}, "latency", id="negative"),
        pytest.param({"errors": "101%"}, "errors", id="more than all"),
        pytest.param({"unhealthy": "maybe"}, "unhealthy", id="no boolean"),
        pytest.param({"errors": "60%", "hangs": "50%"}, "more than 100%", id="shares add up to more than all"),
        pytest.param(["errors"], "object", id="no object"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(settings, complaint):
    with pytest.raises(msgspec.ValidationError, match=complaint):
        parse(settings)


def test_each_draw_picks_one_fault_in_proportion_to_the_shares():
    switches = Switches(errors_ratio=0.2, resets_ratio=0.3, wrong_bodies_ratio=0.1)
    picked = [switches.fault(draw / 1000) for draw in range(1000)]
    assert picked.count(Fault.ERROR) == 200
    assert picked.count(Fault.RESET) == 300
    assert picked.count(Fault.WRONG_BODY) == 100
    assert picked.count(None) == 400
