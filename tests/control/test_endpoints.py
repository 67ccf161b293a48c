import pytest

from tests.control.upstreams import upstream
from tests.waiting import until

A, B = "http://127.0.0.1:7001", "http://127.0.0.1:7002"
SPEC = """
casino: 1
upstreams:
  dice:
    versions: {v1: ["http://127.0.0.1:7001", "http://127.0.0.1:7002"]}
    ejection: {failures: 50%, requests: 10, for: 1h}
    slow_start: 1h
  cards:
    versions: {v1: ["http://127.0.0.1:7003"]}
    breaker: {requests: 10, open: 300ms, probes: 3}
routes:
  roll: {match: "GET /roll/{sides}", to: dice}
  deal: {match: "GET /cards/{count}", to: cards}
"""


def breaker(control):
    return control.endpoints().versions["cards", "v1"].breaker


def samples(control, name):
    lines = control.ask("GET", "/metrics").body.decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)}


def test_a_target_whose_calls_fail_in_all_workers_together_is_ejected(rig):
    control = rig(SPEC).start()
    for worker in control.workers:
        worker.calls(A, failure=5)
        worker.calls(B, success=5)
    until(lambda: control.ups() == {A: False, B: True})
    assert samples(control, "gateway_ejections_total") == {
        f'gateway_ejections_total{{target="{A}",upstream="dice",version="v1"}}': 1,
        f'gateway_ejections_total{{target="{B}",upstream="dice",version="v1"}}': 0,
    }
    assert samples(control, "gateway_target_ejected")[
        f'gateway_target_ejected{{target="{A}",upstream="dice",version="v1"}}'
    ]


def test_an_ejection_outlives_the_control_process_that_decided_it(rig):
    control = rig(SPEC).start()
    control.workers[0].calls(A, failure=10)
    until(lambda: control.ups() == {A: False, B: True})
    control.stop()
    edition = control.endpoints().edition
    control.start()
    until(lambda: control.ask("GET", "/stats").json["upstreams"]["dice"]["v1"]["targets"][A]["ejected"])
    assert control.ups() == {A: False, B: True}
    assert control.endpoints().edition >= edition
    assert sorted(samples(control, "gateway_ejections_total").values()) == [0, 1]


def test_what_was_counted_before_a_restart_is_not_judged_twice(rig):
    control = rig(SPEC)
    control.workers[0].calls(A, failure=100)
    control.start()
    control.workers[0].calls(B, failure=10)
    assert until(lambda: control.ups() == {A: True, B: False})


def test_a_breaker_opens_deals_out_its_probes_and_closes_after_all_of_them(rig):
    control = rig(SPEC).start()
    first, second = control.workers
    first.calls("http://127.0.0.1:7003", failure=10, upstream="cards")
    until(lambda: breaker(control) == "open")
    until(lambda: breaker(control) == "half_open")
    dealt = control.endpoints().versions["cards", "v1"]
    assert dealt.allowance(1) + dealt.allowance(2) == 3
    for worker, allowance in ((first, dealt.allowance(1)), (second, dealt.allowance(2))):
        for _ in range(allowance):
            worker.probe("success", "cards")
    until(lambda: breaker(control) == "closed")
    entered = samples(control, "gateway_breaker_transitions_total")
    assert sorted(entered.values()) == [1, 1, 1]


def test_probes_a_worker_does_not_use_come_to_the_other_one(rig):
    control = rig(SPEC).start()
    first, _ = control.workers
    first.calls("http://127.0.0.1:7003", failure=10, upstream="cards")
    until(lambda: breaker(control) == "open")
    used = []

    def use_what_the_first_one_gets():
        state = first.endpoints.versions["cards", "v1"]
        if state.breaker == "half_open" and used.count(state.deal) < state.allowance(1):
            first.probe("success", "cards")
            used.append(state.deal)
        return used and breaker(control) == "closed"

    until(use_what_the_first_one_gets)
    assert len(used) == 3


def test_a_failed_probe_opens_again(rig):
    control = rig(SPEC).start()
    control.workers[0].calls("http://127.0.0.1:7003", failure=10, upstream="cards")
    until(lambda: breaker(control) == "half_open")
    edition = control.endpoints().edition
    control.workers[0].probe("failure", "cards")
    until(lambda: control.endpoints().edition > edition and breaker(control) in {"open", "half_open"})
    assert until(lambda: sum(samples(control, "gateway_breaker_transitions_total").values()) >= 3)


def test_nothing_is_published_while_nothing_changes(rig):
    control = rig(SPEC).start()
    until(lambda: control.workers[0].endpoints)
    edition = control.endpoints().edition
    for count in range(5):
        control.workers[0].calls(B, success=10)
        until(lambda wanted=10 * (count + 1): judged(control) == wanted)
    assert control.endpoints().edition == edition


def judged(control):
    values = samples(control, "gateway_upstream_requests_total")
    return sum(value for name, value in values.items() if B in name and "success" in name)


HEALTH = """
casino: 1
upstreams:
  dice:
    versions: {{v1: ["{}", "{}"]}}
    health: {{path: /health, every: 50ms, timeout: 500ms}}
    slow_start: {}
routes:
  roll: {{match: "GET /roll/{{sides}}", to: dice}}
"""


def test_a_target_that_falls_ill_is_left_out_and_comes_back_slowly(rig):
    with upstream() as good, upstream() as ill:
        control = rig(HEALTH.format(good.url, ill.url, "1h")).start()
        until(lambda: control.ups() == {good.url: True, ill.url: True} and good.requests and ill.requests)
        ill.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        until(lambda: control.ups() == {good.url: True, ill.url: False})
        assert samples(control, "gateway_target_up") == {
            f'gateway_target_up{{target="{good.url}",upstream="dice",version="v1"}}': 1,
            f'gateway_target_up{{target="{ill.url}",upstream="dice",version="v1"}}': 0,
        }
        ill.answer = b"HTTP/1.1 204 Fine\r\n\r\n"
        until(lambda: control.ups() == {good.url: True, ill.url: True})
        weights = {one.target: one.weight for one in control.endpoints().versions["dice", "v1"].endpoints}
        assert weights == {good.url: 1, ill.url: pytest.approx(0.1)}


def test_a_restarted_control_does_not_believe_in_a_target_that_was_down(rig):
    with upstream() as good, upstream() as ill:
        ill.answer = None
        control = rig(HEALTH.format(good.url, ill.url, "0s")).start()
        until(lambda: control.ups() == {good.url: True, ill.url: False})
        control.stop()
        seen = len(control.workers[0].history)
        control.start()
        until(lambda: control.ask("GET", "/health").status == 200)
        later = [endpoints for _, endpoints in control.workers[0].history[seen:]]
        assert all(
            {one.target: one.up for one in each.versions["dice", "v1"].endpoints}[ill.url] is False for each in later
        )


def test_a_new_build_publishes_nothing_before_its_targets_were_checked(rig):
    with upstream() as good, upstream() as dead:
        dead.answer = b"HTTP/1.1 500 No\r\n\r\n"
        control = rig(HEALTH.format(good.url, dead.url, "0s")).start()
        until(lambda: control.workers[0].history)
    _, first = control.workers[0].history[0]
    assert {one.target: one.up for one in first.versions["dice", "v1"].endpoints} == {good.url: True, dead.url: False}


def test_a_name_that_is_not_found_holds_nobody_up_for_long(rig):
    control = rig(SPEC.replace("http://127.0.0.1:7001", "http://nowhere.invalid")).start()
    assert list(control.ups()) == [B]
    assert (
        control.ask("GET", "/stats").json["upstreams"]["dice"]["v1"]["targets"]["http://nowhere.invalid"]["up"] is False
    )
