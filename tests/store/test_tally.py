from pathlib import Path

import pytest

from exporters.catalog.gateway import ACCEPTED, CONNECTIONS, FIRST_BYTE, IN_FLIGHT, OVERFLOW, RESPONSES
from gateway.store.slot import Slot, Word
from gateway.store.tally import OVERFLOW_LABEL
from gateway.store.totals import Buckets, Exemplar, Totals
from tests.totals import read_totals

TRACE = "0123456789abcdef" * 2
EDGES = (0.1, 0.5, 1.0)


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    slot = Slot.create(tmp_path / "worker-1.slot", series=100)
    slot.own()
    return slot


def counter(totals: Totals, name: str, *labels: str) -> int:
    return next(
        value
        for key, value in (totals.counters | totals.gauges).items()
        if key[0] == name and tuple(label for _, label in key[1]) == labels
    )


def buckets(totals: Totals, name: str) -> Buckets:
    return next(buckets for key, buckets in totals.histograms.items() if key[0] == name)


def test_an_increment_is_seen_by_a_read_only_mapping(slot: Slot) -> None:
    slot.tally.values[slot.tally.index(RESPONSES, ("roll", "GET", "200"))] += 3
    totals = read_totals([Slot.open(slot.path)])
    assert totals.counters["gateway_responses", (("route", "roll"), ("method", "GET"), ("code", "200"))] == 3


def test_a_new_series_starts_at_zero_and_is_shown(slot: Slot) -> None:
    slot.tally.index(ACCEPTED, ())
    assert counter(read_totals([slot]), "gateway_connections_accepted") == 0


def test_the_same_labels_are_the_same_counter(slot: Slot) -> None:
    assert slot.tally.index(IN_FLIGHT, ("roll",)) == slot.tally.index(IN_FLIGHT, ("roll",))
    assert slot.tally.index(IN_FLIGHT, ("roll",)) != slot.tally.index(IN_FLIGHT, ("cards",))


def test_labels_that_do_not_fit_the_metric_are_refused(slot: Slot) -> None:
    with pytest.raises(ValueError, match="takes the labels"):
        slot.tally.index(RESPONSES, ("roll",))


def test_a_successor_keeps_counters_and_zeroes_gauges(slot: Slot) -> None:
    slot.tally.values[slot.tally.index(ACCEPTED, ())] += 7
    slot.tally.values[slot.tally.index(CONNECTIONS, ("1",))] += 5
    slot.words[Word.SEQUENCE] = 42
    successor = Slot.open(slot.path, writable=True)
    successor.own()
    successor.tally.values[successor.tally.index(ACCEPTED, ())] += 1
    totals = read_totals([successor])
    assert counter(totals, "gateway_connections_accepted") == 8
    assert counter(totals, "gateway_connections", "1") == 0
    assert successor.words[Word.SEQUENCE] == 42


def test_series_beyond_the_cap_are_counted_together(slot: Slot) -> None:
    indexes = {slot.tally.index(IN_FLIGHT, (f"route-{number}",)) for number in range(150)}
    for number in range(150):
        slot.tally.values[slot.tally.index(IN_FLIGHT, (f"route-{number}",))] += 1
    totals = read_totals([slot])
    assert len(indexes) == 100
    assert counter(totals, IN_FLIGHT.name, OVERFLOW_LABEL) == 51
    assert counter(totals, OVERFLOW.name) == 2 * 51


def test_the_cap_survives_a_successor(slot: Slot) -> None:
    for number in range(150):
        slot.tally.index(IN_FLIGHT, (f"route-{number}",))
    successor = Slot.open(slot.path, writable=True).tally
    assert successor.index(IN_FLIGHT, ("route-120",)) == slot.tally.index(IN_FLIGHT, (OVERFLOW_LABEL,))
    assert successor.index(IN_FLIGHT, ("route-3",)) == slot.tally.index(IN_FLIGHT, ("route-3",))


def test_labels_too_long_for_the_directory_overflow_too(slot: Slot) -> None:
    at = slot.tally.index(IN_FLIGHT, ("x" * 1_000_000,))
    assert at == slot.tally.index(IN_FLIGHT, (OVERFLOW_LABEL,))


def test_a_histogram_beyond_the_cap_overflows(tmp_path: Path) -> None:
    tally = (slot := Slot.create(tmp_path / "worker-1.slot", series=10)).tally
    for route in ("a", "b", "c"):
        tally.histogram(FIRST_BYTE, (route, ""), EDGES).observe(0.2)
    totals = read_totals([slot])
    assert {key[1][0][1]: sum(found.counts) for key, found in totals.histograms.items()} == {"a": 1, OVERFLOW_LABEL: 2}


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [
        pytest.param(0.0, [1, 0, 0, 0], id="zero"),
        pytest.param(0.1, [1, 0, 0, 0], id="an upper edge belongs to its bucket"),
        pytest.param(0.11, [0, 1, 0, 0], id="between edges"),
        pytest.param(7.0, [0, 0, 0, 1], id="beyond the last edge"),
    ],
)
def test_an_observation_falls_into_one_bucket(slot: Slot, seconds: float, counts: list[int]) -> None:
    slot.tally.histogram(FIRST_BYTE, ("roll", "v1"), EDGES).observe(seconds)
    found = buckets(read_totals([slot]), FIRST_BYTE.name)
    assert found.counts == counts
    assert found.sum_nanoseconds == int(seconds * 1e9)


def test_a_bucket_keeps_one_exemplar_per_second(slot: Slot) -> None:
    histogram = slot.tally.histogram(FIRST_BYTE, ("roll", "v1"), EDGES)
    histogram.observe_exemplar(0.2, TRACE, 1_000.0)
    histogram.observe_exemplar(0.3, "f" * 32, 1_000.9)
    histogram.observe_exemplar(2.0, "e" * 32, 1_000.9)
    found = buckets(read_totals([slot]), FIRST_BYTE.name)
    assert found.exemplars == [None, Exemplar(0.2, 1_000.0, TRACE), None, Exemplar(2.0, 1_000.9, "e" * 32)]
    assert found.counts == [0, 2, 0, 1]
    histogram.observe_exemplar(0.3, "f" * 32, 1_001.0)
    assert buckets(read_totals([slot]), FIRST_BYTE.name).exemplars[1] == Exemplar(0.3, 1_001.0, "f" * 32)


def test_an_exemplar_half_written_is_not_shown_and_the_successor_goes_on(slot: Slot) -> None:
    tally = slot.tally
    histogram = tally.histogram(FIRST_BYTE, ("roll", "v1"), EDGES)
    histogram.observe_exemplar(0.05, TRACE, 1_000.0)
    guard = next(at for at, value in enumerate(tally.values) if value == 50_000_000 and at) - 1
    while tally.values[guard] != 2:
        guard += 1
    tally.values[guard] += 1
    assert buckets(read_totals([slot]), FIRST_BYTE.name).exemplars[0] is None
    histogram.observe_exemplar(0.06, TRACE, 1_002.0)
    assert buckets(read_totals([slot]), FIRST_BYTE.name).exemplars[0] == Exemplar(0.06, 1_002.0, TRACE)


def test_buckets_of_other_edges_are_added_without_losing_a_count() -> None:
    ours = Buckets((0.1, 0.5, 1.0), [1, 1, 1, 1], 10, [None] * 4)
    ours.add(Buckets((0.05, 0.1, 0.7, 2.0), [1, 2, 4, 8, 16], 5, [None] * 5))
    assert ours.counts == [1 + 1 + 2, 1, 1 + 4, 1 + 8 + 16]
    assert ours.sum_nanoseconds == 15


def test_two_slots_are_added_up(tmp_path: Path) -> None:
    slots = [Slot.create(tmp_path / f"worker-{number}.slot", series=100) for number in (1, 2)]
    for slot in slots:
        slot.tally.values[slot.tally.index(ACCEPTED, ())] += 2
        slot.tally.histogram(FIRST_BYTE, ("roll", "v1"), EDGES).observe(0.2)
    totals = read_totals(slots)
    assert counter(totals, ACCEPTED.name) == 4
    assert buckets(totals, FIRST_BYTE.name).counts == [0, 2, 0, 0]
