import sqlite3
import subprocess
import sys
import threading

import pytest

from gateway.store.shared import StoreFault
from gateway.store.sqlite import SCHEMA_VERSION, SqliteStore
from tests.checkout import ROOT
from tests.store.servers import HASTY_SECONDS, LATEST_SECONDS, TIMEOUT_SECONDS, SqliteFile, charge, is_root, use


@pytest.fixture
def file(tmp_path):
    return SqliteFile(tmp_path)


def test_a_damaged_file_is_named_and_left_as_it_is(file, connect):
    file.path.write_bytes(b"no database at all, but somebody's diary" * 100)
    before = file.path.read_bytes()
    failed, _ = connect(file.store()).fails(use(amount=1))
    assert failed.fault is StoreFault.REFUSED
    assert str(failed) == f"{file.path}: file is not a database"
    assert file.path.read_bytes() == before


def test_a_file_damaged_while_it_is_open_is_refused_and_another_in_its_place_is_used(file, connect):
    client = connect(file.store())
    client.tell(use(amount=1))
    file.clear()
    file.path.write_bytes(b"diary" * 1000)
    failed, _ = client.fails(use(amount=1))
    assert failed.fault is StoreFault.REFUSED
    file.clear()
    assert client.again(use(amount=1)).used == (1,)


def test_a_file_of_a_newer_casino_is_refused(file, connect):
    connect(file.store()).tell(use(amount=1))
    database = sqlite3.connect(file.path)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()
    failed, _ = connect(file.store()).fails(use(amount=1))
    assert failed.fault is StoreFault.REFUSED
    assert "made by a newer Casino (schema 2, this one knows 1)" in str(failed)


def test_a_folder_that_is_missing_is_named(tmp_path, connect):
    failed, _ = connect(SqliteStore(tmp_path / "nowhere" / "shared.db", TIMEOUT_SECONDS)).fails(use(amount=1))
    assert failed.fault is StoreFault.REFUSED
    assert "nowhere/shared.db: unable to open database file" in str(failed)


@pytest.mark.skipif(is_root(), reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_refused(file, connect):
    connect(file.store()).tell(use(amount=1))
    file.path.chmod(0o400)
    failed, _ = connect(file.store()).fails(use(amount=1))
    assert failed.fault is StoreFault.REFUSED


FILLING = """
import asyncio, resource, signal, sys
from pathlib import Path
from gateway.store.shared import Batch, StoreError, Use
from gateway.store.sqlite import SqliteStore

async def fill(store):
    for number in range(1, 100):
        uses = tuple(Use(f"counter {number} {one}", 1, 3600.0) for one in range(200))
        try:
            await store.exchange(Batch("full", number, (), uses))
        except StoreError as refused:
            print(number, refused.fault, refused, sep="|", flush=True)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            answer = await store.exchange(Batch("full", number, (), uses))
            print(set(answer.used))
            return

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
asyncio.run(fill(SqliteStore(Path(sys.argv[1]), 5.0)))
"""


def test_a_full_disk_refuses_whole_batches_and_is_used_again_once_there_is_room(file):
    told = subprocess.run(
        [sys.executable, "-c", FILLING, file.path], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    number, fault, _ = told[0].split("|")
    assert int(number) > 1
    assert fault == StoreFault.REFUSED
    assert told[1] == "{1}"


def test_a_disk_that_does_not_answer_costs_no_more_than_the_timeout(file, connect):
    client = connect(file.store(HASTY_SECONDS))
    client.until_told(charge())
    goes_on = threading.Event()
    client.store._thread.submit(goes_on.wait)
    failed, took_seconds = client.fails(use(amount=1))
    assert failed.fault is StoreFault.TIMEOUT
    assert took_seconds < LATEST_SECONDS
    goes_on.set()
    assert client.again(use(amount=1)).used == (1,)
