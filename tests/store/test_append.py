import os
import resource
import subprocess
import sys

from gateway.store.append import append
from tests.checkout import ROOT


def test_lines_go_behind_those_that_are_there(tmp_path):
    (tmp_path / "log").write_bytes(b"one\n")
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_APPEND)
    assert append(descriptor, b"two\nthree\n") == 10
    os.close(descriptor)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"


def test_a_file_that_takes_nothing_is_no_error():
    descriptor = os.open("/dev/full", os.O_WRONLY)
    assert append(descriptor, b"a line\n") == 0
    os.close(descriptor)


def test_what_had_space_for_its_beginning_only_is_taken_back(tmp_path):
    """In a process of its own, whose files may not grow beyond 20 bytes: the kernel writes what fits, as on a full disk."""
    script = """
import os, signal, sys
from gateway.store.append import append
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
print(append(log, b"0123456789\\n" * 3), append(log, b"0123456789\\n"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "log"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20)),
    )  # fmt: skip
    assert done.stdout.split() == ["11", "0"]
    assert (tmp_path / "log").read_bytes() == b"0123456789\n"
