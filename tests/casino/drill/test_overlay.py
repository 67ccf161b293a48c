from pathlib import Path

import pytest

from casino.drill import overlay
from casino.drill.overlay import Places
from gateway.spec.dump import dump
from gateway.spec.load import load

PLACES = Places(
    prometheus="127.0.0.1:1",
    alertmanagers=("127.0.0.1:2", "127.0.0.1:3"),
    bridge="127.0.0.1:4",
    keys=Path("/keys"),
)


def test_the_spec_of_a_ground_is_a_spec(spec, tmp_path):
    drilled = overlay.supervised(overlay.breakable(spec, pool=2), PLACES, 1 / 20)
    (tmp_path / "casino.yaml").write_text(dump(drilled))
    assert load(tmp_path / "casino.yaml", None).spec == drilled


def test_everybody_is_told_over_the_stand_in(spec):
    drilled = overlay.supervised(spec, PLACES, 1 / 20)
    assert {name: secret.file for name, secret in drilled.pagerduty.keys.items()} == {
        name: f"/keys/{name}" for name in ("drill", "games", "platform", "tables")
    }
    assert len({overlay.routing_key(name) for name in drilled.pagerduty.keys}) == 4
    assert {team.pages for team in drilled.teams.values()} <= set(drilled.pagerduty.keys)
    assert drilled.alerts.alertmanagers == ("http://127.0.0.1:2", "http://127.0.0.1:3")


@pytest.mark.parametrize(
    ("scale", "watchdog", "reconcile", "per_minute"),
    [pytest.param(1.0, 300, 15, 120, id="as in production"), pytest.param(1 / 20, 15, 1, 2400, id="20 times as fast")],
)
def test_the_bridge_waits_as_much_shorter_as_rules_do(spec, scale, watchdog, reconcile, per_minute):
    drilled = overlay.supervised(spec, PLACES, scale)
    found = drilled.bridge.watchdog_seconds, drilled.bridge.reconcile_seconds, drilled.pagerduty.per_minute
    assert found == pytest.approx((watchdog, reconcile, per_minute))


def test_objectives_and_what_rules_read_stay_as_they_are(spec):
    narrow = overlay.breakable(spec, pool=2)
    assert [route.objectives for route in narrow.routes.values()] == [
        route.objectives for route in spec.routes.values()
    ]
    for name, upstream in narrow.upstreams.items():
        before = spec.upstreams[name]
        assert (upstream.breaker, upstream.retry, upstream.ejection) == (before.breaker, before.retry, before.ejection)


def test_gateways_of_one_ground_share_neither_port_nor_file(spec, tmp_path):
    ports = iter(range(7001, 8000))
    one, other = (
        overlay.of_gateway(overlay.listening(spec, lambda: f"127.0.0.1:{next(ports)}"), tmp_path / name)
        for name in "ab"
    )
    taken = [{listener.address for listener in each.listen.public} | {each.listen.control} for each in (one, other)]
    assert taken[0] & taken[1] == set()
    assert one.store.url != other.store.url
    assert one.log.to != other.log.to


def test_a_gateway_without_tls_still_listens(spec):
    plain = overlay.without_tls(spec)
    assert plain.listen.public
    assert all(listener.tls is None for listener in plain.listen.public)
