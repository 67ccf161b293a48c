import pytest

from gateway.store.debits import Debit, read_debits, write_debit
from gateway.store.slot import Slot

DEBIT = Debit(limit="limits/fair:rate:1:2:address", key="@192.0.2.1", fingerprint=2**64 - 1, count=3)


@pytest.mark.parametrize("key", ["", "alice", "jwt:a\nb\r\n", "ключ\u2028", '"\\'], ids=repr)
def test_a_debit_is_one_line_whatever_the_key(key):
    debit = Debit(limit="limits/fair", key=key, fingerprint=1, count=1)
    line = write_debit(debit)
    assert line.index(b"\n") == len(line) - 1
    assert read_debits(line + write_debit(DEBIT)) == [debit, DEBIT]


def test_debits_and_the_log_have_rings_of_their_own(tmp_path):
    slot = Slot.create(tmp_path / "worker-1.slot", series=10, ring_bytes=1 << 16, debits_bytes=1 << 12)
    line = write_debit(DEBIT)
    slot.ring.put(b"log\n")
    while slot.debits.put(line):
        pass
    reader = Slot.open(slot.path, writable=True)
    assert reader.ring.peek(1 << 16) == b"log\n"
    assert set(read_debits(reader.debits.peek(1 << 16))) == {DEBIT}


def test_a_slot_without_debits_has_no_ring_for_them(tmp_path):
    assert Slot.create(tmp_path / "control.slot", series=10).debits is None
