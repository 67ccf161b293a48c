import os
import sys
from pathlib import Path

from bench.fetch import wait_until
from bench.machine import parse_core_time
from bench.tree import Stat, Tree, descendants, parse_memory, parse_stat, read_stats


def test_stat_survives_brackets_and_spaces_in_the_command() -> None:
    line = "4242 (a (b) c) S 17 4242 99 0 -1 4194304 5 0 0 0 11 22 33 44 20 0 1 0 987654 1000000 250 0"
    assert parse_stat(line) == Stat(parent=17, session=99, state="S", ticks=110, started=987654)


def test_memory_is_read_in_bytes() -> None:
    rollup = "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:                2048 kB\nPss:                1024 kB\nPss_Anon: 512 kB\n"
    memory = parse_memory(rollup)
    assert (memory.pss_bytes, memory.rss_bytes) == (1024 * 1024, 2048 * 1024)


def test_a_core_is_busy_with_everything_but_waiting() -> None:
    stat = "cpu  99 0 0 0 0 0 0 0 0 0\ncpu0 1 0 0 1 0 0 0 0 0 0\ncpu1 10 1 5 70 4 2 3 5 0 0\n"
    before = parse_core_time(stat, 1)
    assert (before.busy, before.stolen, before.total) == (21, 5, 100)


def stat(parent: int, session: int, state: str = "S") -> Stat:
    return Stat(parent=parent, session=session, state=state, ticks=1, started=1)


def test_a_tree_holds_orphans_by_session_and_new_sessions_by_parent() -> None:
    stats = {
        1: stat(0, 1),
        10: stat(1, 10),
        11: stat(10, 10),
        12: stat(1, 10),  # an orphan: its parent ended, its session is ours
        13: stat(11, 13),  # has a session of its own
        14: stat(13, 13),
        15: stat(10, 10, "Z"),
        20: stat(1, 20),
    }
    assert descendants(10, stats) == {10, 11, 12, 13, 14}


FAMILY = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
while True:
    sum(range(10_000))
"""


def test_stopping_a_tree_ends_children_that_left_its_session(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    with Tree([sys.executable, "-c", FAMILY], core=core, directory=tmp_path, environ={}) as tree:
        assert wait_until(lambda: len(tree.pids()) == 2, 10)
        pids = tree.pids()
        assert all(os.sched_getaffinity(pid) == {core} for pid in pids)
        assert wait_until(lambda: tree.cpu_seconds() > 0.05, 20)
        assert tree.memory().pss_bytes > 1_000_000
    left = read_stats()
    assert not any(pid in left and left[pid].state != "Z" for pid in pids)
