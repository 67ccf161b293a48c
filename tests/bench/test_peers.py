"""Every product comes up with its own configuration and does what it is measured for, over TLS, too."""

import os
from collections.abc import Iterator

import pytest

from bench.check import verify
from bench.fetch import fetch
from bench.handshakes import Client, Crew
from bench.machine import Cores
from bench.product import PRODUCTS, SMALL, Entrant, Product
from bench.scenarios.guarded import KEY_HEADER, guarded
from bench.scenarios.tls import secured
from bench.serving import Upstream, serving, upstream
from bench.tls import client_context

CORE = min(os.sched_getaffinity(0))
CORES = Cores(load=CORE, product=CORE)
LITTLE = [product for product in PRODUCTS if product.name != "lura"]
"""Those that need no compiler for half a minute."""


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    nginx = next(product for product in PRODUCTS if product.name == "nginx")
    if nginx.missing():
        pytest.skip(nginx.missing())
    with upstream(CORE) as running:
        yield running


def skip_without(product: Product) -> None:
    if product.missing():
        pytest.skip(product.missing())


@pytest.mark.parametrize("product", LITTLE, ids=lambda product: product.name)
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


def test_clients_of_one_crew_add_up(behind: Upstream) -> None:
    nginx = next(entrant for entrant in secured(PRODUCTS) if entrant.name == "nginx")
    with (
        serving(nginx, behind, CORES) as running,
        Crew(running.port, running.places.directory, clients=2, resume=True, core=CORE) as crew,
    ):
        crew.shake(0.2)
        shaken = crew.shake(0.2)
    assert shaken.failed == 0
    assert shaken.connections > 10
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
