"""Every product comes up with its own configuration and does what it is measured for, over TLS, too."""

import os
from collections.abc import Iterator

import pytest

from bench.check import verify
from bench.fetch import fetch
from bench.handshakes import Client, Crew
from bench.machine import Cores
from bench.product import CASINO, PAGE, PRODUCTS, SMALL, Entrant, Product
from bench.scenarios import overload
from bench.scenarios.guarded import KEY_HEADER, guarded
from bench.scenarios.idle import IdleConnections, connections
from bench.scenarios.overload import Overload
from bench.scenarios.scenario import Setting
from bench.scenarios.tls import HandshakeRate, secured
from bench.serving import Upstream, serving, upstream
from bench.tls import client_context

CORE = min(os.sched_getaffinity(0))
CORES = Cores(load=CORE, product=CORE)


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    nginx = next(product for product in PRODUCTS if product.name == "nginx")
    if nginx.missing():
        pytest.skip(nginx.missing())
    with upstream(CORE) as running:
        yield running


def skip_without(product: Product) -> None:
    if product.recipe is not None and not product.recipe.is_built():
        pytest.skip(f"{product.name} is built by the bench, in half a minute and with the network")
    if product.missing():
        pytest.skip(product.missing())


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_product_does_the_work_that_is_measured(product: Product, behind: Upstream) -> None:
    skip_without(product)
    with serving(Entrant(product.name, product), behind, CORES) as running:
        verify(running)
        assert fetch(running.health_port, product.health)[0] == 200


@pytest.mark.parametrize("entrant", secured(PRODUCTS), ids=lambda entrant: entrant.name)
def test_tls_is_1_3_with_http_1_1_and_tickets_that_resume(entrant: Entrant, behind: Upstream) -> None:
    skip_without(entrant.product)
    with serving(entrant, behind, CORES) as running:
        place = running.places.directory
        client = Client(running.port, place, resume=True)
        assert [client.visit() for _ in range(3)] == [False, True, True]
        assert fetch(running.places.public, SMALL)[0] == 200


@pytest.mark.parametrize("entrant", guarded(PRODUCTS), ids=lambda entrant: entrant.name)
def test_guards_ask_for_the_key(entrant: Entrant, behind: Upstream) -> None:
    skip_without(entrant.product)
    with serving(entrant, behind, CORES) as running:
        assert fetch(running.places.public, SMALL)[0] == 401
        assert fetch(running.places.public, SMALL, headers=KEY_HEADER)[0] == 200


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_idle_connections_are_held_and_measured(tls: bool, behind: Upstream) -> None:
    scenario = IdleConnections("idle", "a few", tls=tls, count=50)
    [entrant] = scenario.entrants([CASINO])
    with serving(entrant, behind, CORES) as running:
        values = scenario.measure(running, Setting(cores=CORES, seconds=1))
    assert (values["open"], values["failed"]) == (50, 0)
    assert values["worker_rss_bytes"] > 10_000_000


def test_a_product_that_opens_connections_too_slowly_is_not_waited_for(behind: Upstream) -> None:
    with (
        pytest.raises(TimeoutError, match="0 of 10,000 connections were open after 0 s"),
        connections(behind.v1, 10_000, None, seconds=0),
    ):
        pytest.fail("it said they were open")


def test_handshakes_are_measured(behind: Upstream) -> None:
    for scenario in (HandshakeRate("full", "", resume=False), HandshakeRate("resumed", "", resume=True)):
        [entrant] = scenario.entrants([CASINO])
        with serving(entrant, behind, CORES) as running:
            values = scenario.measure(running, Setting(cores=CORES, seconds=1))
        assert values["failed"] == 0
        assert values["resumed_ratio"] == (scenario.name == "resumed")
        assert values["connections_per_second"] > 0


def test_overload_is_offered_and_judged(behind: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "QUICK_SECONDS", 1.0)
    monkeypatch.setattr(overload, "TRIES", 2)
    scenario = Overload("overload", "twice", path=PAGE)
    [entrant] = scenario.entrants([CASINO])
    with serving(entrant, behind, CORES) as running:
        values = scenario.measure(running, Setting(cores=CORES, seconds=1, quick=True))
    assert values["due_per_second"] == pytest.approx(2 * values["peak_before_per_second"], rel=0.01)
    assert values["offered_ratio"] <= 2.01
    assert 0 <= values["health_ratio"] <= 1
    assert ("goodput_ratio" in values) == (values["offered_ratio"] >= overload.OFFERED)
    assert values["tries"] == 2 or "goodput_ratio" in values


def test_clients_of_one_crew_add_up(behind: Upstream) -> None:
    nginx = next(entrant for entrant in secured(PRODUCTS) if entrant.name == "nginx")
    with (
        serving(nginx, behind, CORES) as running,
        Crew(running.port, running.places.directory, clients=2, resume=True, core=CORE) as crew,
    ):
        crew.shake(0.2)
        shaken = crew.shake(0.2)
    assert shaken.failed == 0
    assert shaken.connections > 2
    assert shaken.resumed == shaken.connections
    assert shaken.took == sorted(shaken.took)


def test_clients_trust_the_authority_of_their_run_alone(behind: Upstream) -> None:
    nginx = next(entrant for entrant in secured(PRODUCTS) if entrant.name == "nginx")
    with serving(nginx, behind, CORES) as one, serving(nginx, behind, CORES) as other:
        stranger = Client(one.port, other.places.directory, resume=False)
        assert stranger.visit_for(0.05).took == []
        assert (
            client_context(one.places.directory).get_ca_certs() != client_context(other.places.directory).get_ca_certs()
        )
