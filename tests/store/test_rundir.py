import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from exporters.catalog.gateway import ACCEPTED, CONNECTIONS, IN_FLIGHT, TARGET_UP
from gateway.store.ledger import Ledger
from gateway.store.retire import fold, read_retired
from gateway.store.rundir import Build, Documents, ForeignDirectoryError, RunDir, default_path
from gateway.store.slot import Slot


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.prepare(tmp_path / "run")


def new_build(run: RunDir, after: str = "") -> Build:
    build, held = run.new_build(after)
    held.release()
    return build


def counted(build: Build, name: str, accepted: int) -> Slot:
    slot = Slot.create(build.slot(name), series=100)
    slot.own()
    slot.tally.values[slot.tally.index(ACCEPTED, ())] += accepted
    return slot


def accepted(run: RunDir, reader: str) -> int:
    return Ledger(run, reader).totals().counters[ACCEPTED.name, ()]


def test_a_build_deleted_under_its_reader_is_still_counted_by_it(run: RunDir) -> None:
    build, other = new_build(run), new_build(run)
    counted(build, "worker-1", 3)
    counted(other, "worker-1", 4)
    ledger = Ledger(run, build.id)
    assert ledger.totals().counters[ACCEPTED.name, ()] == 7
    build.remove()
    other.remove()
    assert ledger.totals().counters[ACCEPTED.name, ()] == 3


def test_a_document_is_replaced_whole(run: RunDir) -> None:
    assert run.documents.read("snapshot") is None
    run.documents.write("snapshot", b"one")
    run.documents.write("snapshot", b"two")
    assert run.documents.read("snapshot") == b"two"
    assert [path.name for path in run.path.iterdir() if path.is_file()] == ["snapshot"]


def test_a_writer_killed_before_the_rename_leaves_the_last_good_document(run: RunDir) -> None:
    run.documents.write("snapshot", b"one")
    (run.path / ".snapshot.99999").write_bytes(b"tw")
    assert run.documents.read("snapshot") == b"one"


def test_only_its_user_may_enter(run: RunDir) -> None:
    assert run.path.stat().st_mode & 0o777 == 0o700


def test_a_link_laid_by_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        RunDir.prepare(tmp_path / "run")


@pytest.mark.parametrize("entry", ["letter.txt", "builds.txt", "photos/"])
def test_a_directory_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, entry: str) -> None:
    path = tmp_path / entry
    path.mkdir() if entry.endswith("/") else path.touch()
    tmp_path.chmod(0o755)
    with pytest.raises(ForeignDirectoryError, match="no run directory"):
        RunDir.prepare(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("left", [(), ("builds/",), ("lock",), ("builds/", "lock", "retired")])
def test_what_a_gateway_left_halfway_through_its_removal_is_a_run_directory(tmp_path: Path, left: tuple[str]) -> None:
    for name in left:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    assert RunDir.prepare(tmp_path).new_build()


def test_a_run_directory_among_the_sockets_of_systemd_begins(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "public.sock"))
    assert RunDir.prepare(tmp_path).hold()


def test_removing_takes_its_own_files_and_no_other(run: RunDir) -> None:
    new_build(run)
    run.documents.write("retired", b"")
    run.hold("retired.lock")
    assert run.hold()
    letters = {run.path / "letter.txt", run.path / "builds" / "2026", run.path / "builds" / "2026" / "letter.txt"}
    (run.path / "builds" / "2026").mkdir()
    for letter in letters:
        if letter.suffix:
            letter.touch()
    run.remove()
    assert set(run.path.rglob("*")) >= letters
    assert not run.builds()


def test_removing_a_run_directory_leaves_nothing(run: RunDir) -> None:
    new_build(run)
    run.documents.write("retired", b"")
    (run.path / ".retired.4711").touch()
    (run.path / "supervisor.4711").touch()
    assert run.hold()
    run.remove()
    assert not run.path.exists()


def test_a_lock_is_held_once_and_freed_by_closing(run: RunDir) -> None:
    held = run.hold()
    assert held
    assert run.hold() is None
    held.release()
    assert run.hold()


def test_build_ids_ascend_beyond_builds_that_are_gone(run: RunDir) -> None:
    first = new_build(run)
    second = new_build(run)
    assert first.id < second.id < new_build(run, "000041-00000000").id
    assert new_build(run).id.startswith("000043-")


def test_a_build_is_never_seen_without_its_lock_held(run: RunDir) -> None:
    build, held = run.new_build()
    assert build.hold() is None
    held.release()
    assert build.hold()


def test_the_lock_of_a_directory_being_removed_is_not_taken(run: RunDir) -> None:
    build = new_build(run)
    build.remove()
    assert build.hold() is None


def test_two_specs_have_two_run_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert default_path(tmp_path / "a.yaml", None) == default_path(tmp_path / "a.yaml", None)
    assert default_path(tmp_path / "a.yaml", None) != default_path(tmp_path / "b.yaml", None)
    assert default_path(tmp_path / "a.yaml", None) != default_path(tmp_path / "a.yaml", "prod")


def test_systemd_says_where_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/casino:/run/other")
    assert default_path(tmp_path / "a.yaml", None) == Path("/run/casino")


def test_the_ledger_adds_every_build_and_the_retired(run: RunDir) -> None:
    old, new = new_build(run), new_build(run)
    counted(old, "worker-1", 3)
    counted(new, "worker-1", 4)
    assert accepted(run, new.id) == 7
    assert fold(run, old)
    assert accepted(run, new.id) == 7
    assert [build.id for build in run.builds()] == [new.id]


def test_a_gauge_of_one_process_is_read_from_our_own_build_and_shared_ones_from_all(run: RunDir) -> None:
    old, new = new_build(run), new_build(run)
    for build, connections in ((old, 2), (new, 5)):
        worker = counted(build, "worker-1", 0).tally
        worker.values[worker.index(CONNECTIONS, ("1",))] = connections
        worker.values[worker.index(IN_FLIGHT, ("roll",))] = connections
        control = counted(build, "control", 0).tally
        control.values[control.index(TARGET_UP, ("dice", "v1", "http://a"))] = 1
    gauges = {name: value for (name, _), value in Ledger(run, old.id).totals().gauges.items()}
    assert gauges == {CONNECTIONS.name: 2, IN_FLIGHT.name: 7, TARGET_UP.name: 1}


class KilledError(Exception):
    pass


class KilledAt:
    """Lets the process end at its n-th step of changing the run directory."""

    def __init__(self, step: int) -> None:
        self._left = step

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise KilledError


@pytest.mark.parametrize("step", range(1, 7))
def test_a_fold_killed_at_any_step_neither_loses_nor_doubles_a_total(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    old, new = new_build(run), new_build(run)
    counted(old, "worker-1", 3)
    counted(old, "worker-2", 5)
    counted(new, "worker-1", 4)
    killed = KilledAt(step)
    with monkeypatch.context() as patch:
        for owner, name in ((Path, "write_bytes"), (Path, "replace"), (Documents, "write"), (os, "unlink")):
            patch.setattr(owner, name, _then(killed, getattr(owner, name), run, new.id))
        try:
            fold(run, old)
        except KilledError:
            assert accepted(run, new.id) == 12
    assert accepted(run, new.id) == 12
    assert fold(run, old)
    assert accepted(run, new.id) == 12
    assert read_retired(run).builds == [old.id]
    assert [build.id for build in run.builds()] == [new.id]


def _then(killed: KilledAt, step: Callable[..., object], run: RunDir, reader: str) -> Callable[..., None]:
    def watched(*args: object, **kwargs: object) -> None:
        step(*args, **kwargs)
        assert accepted(run, reader) == 12
        killed()

    return watched


def test_a_second_folder_waits_for_the_first(run: RunDir) -> None:
    old = new_build(run)
    counted(old, "worker-1", 3)
    assert run.hold("retired.lock")
    assert not fold(run, old)


def test_what_is_left_of_a_run_directory_is_known_as_one(tmp_path: Path) -> None:
    (tmp_path / "retired").touch()
    (tmp_path / ".retired.17").touch()
    assert RunDir.prepare(tmp_path).path == tmp_path
