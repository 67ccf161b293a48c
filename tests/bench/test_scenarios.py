from pathlib import Path

import pytest

from bench.connections import parse_inodes
from bench.openloop import Offer, Times
from bench.product import CASINO, DIRECT, PEERS, PRODUCTS, Entrant, Product
from bench.profile import count_stacks, cpu_table, top_table
from bench.run import order, scenarios
from bench.scenarios.features import FEATURES, PLAIN, everything, variant
from bench.scenarios.overload import judge
from bench.serving import Places, configure, merge_patch, write_certificate
from bench.tree import Stat
from gateway.spec.load import load

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0 20 4 30 10 -1
"""


def test_only_established_connections_of_the_port_are_counted() -> None:
    assert parse_inodes(TCP, 8080) == {"222"}


def offered(*, on_time: int, answers: dict[int, Times]) -> Offer:
    return Offer(
        seconds=2, sent=95, on_time=on_time, unsent=5, gave_up=10, broken=2, refused=1, connections=7,
        late_p99_seconds=0.001, answers=answers,
    )  # fmt: skip


def test_overload_tells_good_refused_unanswered_and_failed_apart() -> None:
    answers = {200: Times(count=40, p99_seconds=0.3), 503: Times(count=41, p99_seconds=0.02), 502: Times(count=1)}
    values = judge(offered(on_time=80, answers=answers), peak=20)
    assert values["offered_ratio"] == pytest.approx(80 / 2 / 20)
    assert values["goodput_ratio"] == pytest.approx(40 / 2 / 20)
    assert values["shed_per_second"] == 20.5
    assert (values["gave_up_ratio"], values["unsent_ratio"], values["failed"]) == (0.1, 0.05, 4)
    assert (values["shed_p99_seconds"], values["status_502"]) == (0.02, 1)


def test_goodput_is_not_judged_when_twice_the_capacity_was_not_offered() -> None:
    values = judge(offered(on_time=75, answers={200: Times(count=80)}), peak=20)
    assert values["offered_ratio"] == pytest.approx(1.875)
    assert "goodput_ratio" not in values
    assert "shed_p99_seconds" not in values, "nothing was refused, so no refusal was fast"


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        pytest.param({"a": "b"}, {"a": "c"}, {"a": "c"}, id="replace"),
        pytest.param({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, id="remove"),
        pytest.param({"a": ["b"]}, {"a": "c"}, {"a": "c"}, id="list-by-value"),
        pytest.param({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}, id="nested"),
        pytest.param(["a", "b"], {"a": "b", "c": None}, {"a": "b"}, id="no-object-before"),
        pytest.param({"e": None}, {"a": 1}, {"e": None, "a": 1}, id="null-in-target-stays"),
    ],
)
def test_merge_patch_follows_the_examples_of_rfc_7396(target: object, patch: object, merged: object) -> None:
    assert merge_patch(target, patch) == merged


@pytest.mark.parametrize("name", FEATURES)
def test_each_feature_differs_from_the_plain_gateway(name: str) -> None:
    assert (variant(FEATURES[name]), FEATURES[name].tls) != (PLAIN, False)


@pytest.mark.parametrize(
    "entrant",
    [entrant for scenario in scenarios() for entrant in scenario.entrants([CASINO]) if entrant.product is CASINO],
    ids=lambda entrant: entrant.name,
)
def test_every_variant_of_casino_is_a_spec_that_lacks_at_most_health_checks(entrant: Entrant, tmp_path: Path) -> None:
    write_certificate(tmp_path)
    configure(entrant, Places(directory=tmp_path, public=8080, control=9080, tls=8443, v1=7001, v2=7002))
    assert {warning.id for warning in load(tmp_path / "casino.yaml").warnings} <= {"health.absent"}


def test_all_features_together_hold_each_upstream_policy() -> None:
    dice = everything().patch["upstreams"]["dice"]
    assert dice.keys() >= {"versions", "retry", "breaker", "ejection", "health", "balance"}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_every_configuration_uses_the_ports_it_is_given(product: Product) -> None:
    text = "".join((PEERS / name).read_text() for name in product.files)
    assert all(word in text for word in ("@PUBLIC@", "@CONTROL@", "@V1@", "@V2@"))
    assert ("@TLS@" in text) == (product.tls and product is not CASINO)
    assert product.log == "stdout" or f"@DIR@/{product.log}" in text


def test_no_placeholder_survives() -> None:
    places = Places(directory=PEERS, public=1, control=2, tls=5, v1=3, v2=4)
    assert all("@PUBLIC@" not in places.fill((PEERS / name).read_text()) for name in CASINO.files)


def test_scenarios_have_names_of_their_own_and_bear_the_absence_of_casino() -> None:
    found = scenarios()
    assert len({scenario.name for scenario in found}) == len(found)
    nginx = next(product for product in PRODUCTS if product.name == "nginx")
    for scenario in found:
        assert all(entrant.product in (nginx, DIRECT) for entrant in scenario.entrants([nginx]))


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("post", "direct 0, casino 0, nginx 0, direct 1, casino 1, nginx 1"),
        ("overload", "casino 0, nginx 0, casino 1"),
        ("overload-small", "casino 0"),
        ("idle", "casino 0, nginx 0"),
        ("idle-tls", "casino 0, nginx 0"),
        ("reload", "casino 0"),
    ],
)
def test_rounds_are_interleaved_and_what_is_long_and_not_judged_by_its_median_has_one(name: str, measured: str) -> None:
    scenario = next(scenario for scenario in scenarios() if scenario.name == name)
    nginx = next(product for product in PRODUCTS if product.name == "nginx")
    assert ", ".join(f"{entrant.name} {turn}" for turn, entrant in order(scenario, [CASINO, nginx], 2)) == measured


def test_a_profile_counts_a_recursive_function_once_per_sample() -> None:
    own, total = count_stacks("main (a.py);walk (b.py);walk (b.py) 3\nmain (a.py);send (c.py) 1\n")
    assert own == {"walk (b.py)": 3, "send (c.py)": 1}
    assert total["walk (b.py)"] == 3
    assert total["main (a.py)"] == 4
    assert top_table(own, total).splitlines()[1].split() == ["75.0", "75.0", "walk", "(b.py)"]


def test_cpu_is_shared_out_among_the_processes_that_lived_through() -> None:
    def at(ticks: int) -> Stat:
        return Stat(parent=1, session=1, state="S", ticks=ticks, started=1)

    table = cpu_table(
        {1: at(0), 2: at(100)}, {1: at(10), 2: at(190), 3: at(50)}, {1: "writer", 2: "worker-1", 3: "new"}
    )
    assert table.splitlines() == ["  90.0  worker-1 (2)", "  10.0  writer (1)"]
