from msgspec.structs import replace

from casino.drill import supervision
from casino.drill.fault import Ground, Told
from casino.drill.faults import faults, undrilled
from casino.drill.hands import burns, hand
from casino.drill.key import Key, listed
from casino.drill.plan import expect


def test_every_alert_is_drilled_or_named_with_a_reason(spec):
    drilled = {trial.key for fault in faults(spec) for trial in fault.trials}
    left = {each.key: each.reason for each in undrilled(spec)}
    assert drilled | set(left) == {each.key for each in listed(spec)}
    assert drilled & set(left) == set()
    assert all(left.values())


NEVER_SEEN = {
    "BridgeDown",
    "BridgeFaults",
    "BridgeInstanceDown",
    "BridgeMismatches",
    "BridgeWithoutSender",
    "GatewayBreakerOpen dice",
    "GatewayControlFaults",
    "GatewayDebitsDropped",
    "GatewayIssuerWithoutKeys",
    "GatewayOverload",
    "GatewayRetryStorm cards",
    "GatewaySeriesOverflow",
    "GatewayTargetEjected cards",
    "GatewayUpstreamConnectFailures cards",
}
"""Another line here is an alert that nobody has ever seen fire: find a fault for it first."""


def test_what_is_not_drilled_is_known(spec):
    assert {str(each.key) for each in undrilled(spec)} <= NEVER_SEEN
    assert {each.reason for each in undrilled(spec)} & {"no fault is known that sets it off here"} == set()


def test_each_fault_is_known_by_one_name_and_can_be_done(spec):
    found = faults(spec)
    assert len({fault.name for fault in found}) == len(found)
    assert burns not in {hand(fault) for fault in supervision.faults()}  # those of alerts that this bundle lacks, too
    burning = {fault.name for fault in found if hand(fault) is burns}
    assert burning == {"roll-availability", "roll-latency", "cards-availability", "cards-latency"}


def test_a_page_and_a_ticket_are_drilled_as_in_production(spec):
    alerts = {each.key: each.alert for each in listed(spec)}
    unscaled = [trial for fault in faults(spec) for trial in fault.trials if fault.ground is Ground.CLOCK]
    assert {alerts[trial.key].severity.value for trial in unscaled} == {"critical", "warning"}


def test_the_unscaled_page_is_expected_as_acceptance_has_it(spec):
    """52 s for every request failing at 99.9 %; up to 25 s of scrape and evaluation; here, ten errors at the drill's rate."""
    alerts = {each.key: each.alert for each in listed(spec)}
    [trial] = next(fault for fault in faults(spec) if fault.name == "page-unscaled").trials
    expected = expect(trial, alerts[trial.key], 1.0).fires_seconds - trial.effect_seconds
    assert round(expected - 25) == 52


def test_a_ticket_that_a_page_inhibits_is_told_afterwards(spec):
    tickets = {
        trial.key: trial.told
        for fault in faults(spec)
        for trial in fault.trials
        if dict(trial.key.where).get("tier", "").startswith("ticket")
    }
    assert len(tickets) == 8
    assert set(tickets.values()) == {Told.AFTERWARDS}


def test_an_upstream_that_is_no_game_is_named_as_such(spec):
    shop = replace(spec.upstreams["dice"], versions={"v9": spec.upstreams["dice"].versions["v1"]})
    other = replace(spec, upstreams=spec.upstreams | {"dice": shop})
    drilled = {trial.key for fault in faults(other) for trial in fault.trials}
    assert not [key for key in drilled if ("upstream", "dice") in key.where or ("route", "roll") in key.where]
    left = {each.key: each.reason for each in undrilled(other)}
    assert "no game" in left[Key("GatewayUpstreamDown", (("upstream", "dice"),))]


def test_a_route_without_traffic_of_the_drill_is_named_as_such(spec):
    lounge = replace(spec.routes["lounge"], objectives=spec.routes["roll"].objectives)
    other = replace(spec, routes=spec.routes | {"lounge": lounge})
    reasons = {each.reason for each in undrilled(other) if ("route", "lounge") in each.key.where}
    assert reasons == {"the drill's traffic does not meet route lounge"}
