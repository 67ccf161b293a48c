import subprocess
import sys
from pathlib import Path

import pytest

from exporters.catalog.gateway import ACCEPTED
from gateway.store.ledger import Ledger
from gateway.store.retire import fold
from gateway.store.rundir import RunDir
from gateway.store.slot import LayoutError, Slot, Word, open_readable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def slot(tmp_path):
    return Slot.create(tmp_path / "worker-1.slot", series=10, ring_bytes=1_000)


def test_a_slot_is_named_for_its_process(slot):
    assert slot.name == Slot.open(slot.path).name == "worker-1"


def test_a_reader_can_write_nothing(slot):
    reader = Slot.open(slot.path)
    with pytest.raises(TypeError, match="read-only"):
        reader.words[Word.PHASE] = 1
    with pytest.raises(TypeError):
        reader.values[0] = 1


def test_a_successor_of_a_worker_has_applied_nothing_yet_and_numbers_on(slot):
    for word in (Word.GENERATION, Word.EDITION, Word.DIGEST, Word.CONNECTIONS, Word.LAG, Word.SEQUENCE):
        slot.words[word] = 7
    slot.own()
    kept = {word for word in Word if slot.words[word] == 7}
    assert kept == {Word.SEQUENCE}


def test_a_successor_of_control_knows_what_was_published(tmp_path):
    control = Slot.create(tmp_path / "control.slot", series=10)
    control.words[Word.GENERATION] = 7
    control.own()
    assert control.words[Word.GENERATION] == 7


def test_only_a_beat_after_the_start_is_the_loop_turning(slot):
    slot.own()
    assert slot.words[Word.HEARTBEAT] == slot.words[Word.STARTED]
    slot.beat()
    assert slot.words[Word.HEARTBEAT] > slot.words[Word.STARTED]


def test_a_slot_killed_while_it_was_made_does_not_exist(slot):
    slot.path.rename(slot.path.with_suffix(".new"))
    assert list(slot.path.parent.glob("*.slot")) == []


def test_a_file_of_another_layout_is_refused(tmp_path):
    path = tmp_path / "worker-1.slot"
    path.write_bytes(b"casino\x00\x00" + bytes(10_000))
    with pytest.raises(LayoutError, match="no slot this build can read"):
        Slot.open(path)


def test_a_build_of_another_layout_is_left_out_and_folded_away(tmp_path):
    run = RunDir.prepare(tmp_path / "run")
    build, lock = run.new_build()
    ours = Slot.create(build.slot("worker-1"), series=10)
    ours.tally.values[ours.tally.index(ACCEPTED, ())] += 3
    build.slot("worker-2").write_bytes(b"casino\x00\x00" + bytes(10_000))
    assert [slot.name for slot in open_readable(build.slots())] == ["worker-1"]
    assert Ledger(run, "none").totals().counters[ACCEPTED.name, ()] == 3
    lock.release()
    assert fold(run, build)
    assert Ledger(run, "none").totals().counters[ACCEPTED.name, ()] == 3


LIMITED = """
import resource, sys
from pathlib import Path
from gateway.store.slot import Slot
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    Slot.create(Path(sys.argv[1]), series=10, ring_bytes=1_000_000)
except OSError as refused:
    print(refused)
"""


def test_memory_that_is_not_there_is_missed_at_the_start_and_not_later(tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "worker-1.slot"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    assert "no room for" in said
    assert "worker-1" in said
    assert not (tmp_path / "worker-1.slot").exists()
