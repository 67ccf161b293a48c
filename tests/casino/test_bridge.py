"""`casino bridge dead` and `explain`: what they find, and that no file however broken is a traceback."""

import sqlite3
import time

import pytest

from alerts.pagerduty.bridge import audit
from alerts.pagerduty.bridge.store import Store
from casino.cli import main


@pytest.fixture
def state(tmp_path):
    """A folder with the story of two incidents."""
    store = Store(tmp_path, 10_000_000, lambda _seconds, _is_good: None)
    for key in ("casino/1/route_down/aa", "casino/1/routeXdown/bb"):
        store.write(lambda connection, key=key: audit.add(connection, audit.Row(time.time(), key, "x", "sent", "y")))
    store.close()
    return tmp_path


def bridge(state, *words: str) -> int:
    return main(["bridge", *words, "--state", str(state)])


@pytest.mark.parametrize("asked", ["route_down", "ROUTE_DOWN", "casino/1/route_down/aa", "e_d"])
def test_an_incident_is_found_by_a_part_of_its_key_as_it_is_written(state, capsys, asked):
    assert bridge(state, "explain", asked) == 0
    assert capsys.readouterr().out.startswith("casino/1/route_down/aa\n")


def test_several_that_are_meant_are_named(state, capsys):
    assert bridge(state, "explain", "down") == 1
    assert capsys.readouterr().out.splitlines() == ["casino/1/routeXdown/bb", "casino/1/route_down/aa"]


def test_a_number_that_is_no_letter_is_told(state, capsys):
    assert bridge(state, "dead", "requeue", "7", str(10**30)) == 1
    assert capsys.readouterr().out.count("there is no such letter") == 2


@pytest.mark.parametrize("words", [("dead", "list"), ("dead", "requeue", "1"), ("explain", "x")], ids=" ".join)
@pytest.mark.parametrize("content", [b"garbage" * 100, b"", None], ids=["garbage", "empty", "a folder"])
def test_a_file_that_is_no_queue_is_told(tmp_path, capsys, words, content):
    file = tmp_path / "bridge.sqlite"
    file.mkdir() if content is None else file.write_bytes(content)
    assert bridge(tmp_path, *words) == 2
    assert str(file) in capsys.readouterr().err


def test_a_file_that_another_holds_is_told(state, capsys):
    holder = sqlite3.connect(state / "bridge.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert bridge(state, "dead", "requeue", "1") == 2
    assert "locked" in capsys.readouterr().err
    holder.close()
