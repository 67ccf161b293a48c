"""Whatever a file holds, there is one clear error, soon and in little memory."""

import os
import time
import tracemalloc
from contextlib import suppress

import pytest

from gateway.spec.load import load
from gateway.spec.problem import SpecErrors

MOST_SECONDS = 1.0
"""CPU time, which other work on the same core still stretches: hence the factors below."""
MOST_BYTES = 200_000_000

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

UNUSABLE = {
    "nothing": (b"", 1, 1, "says nothing"),
    "only spaces": (b"  \n\n", 1, 1, "says nothing"),
    "only comments": (b"# nothing\n# here\n", 1, 1, "says nothing"),
    "only a byte order mark": (b"\xef\xbb\xbf", 1, 1, "says nothing"),
    "only an end of document": (b"---\n...\n", 2, 1, "no mapping"),
    "text": (b"hello world\n", 1, 1, "no mapping"),
    "a list": (b"- casino: 1\n", 1, 1, "no mapping"),
    "a tab in front": (b"casino: 1\nlisten:\n\tcontrol: x\n", 3, 1, "a tab"),
    "an open bracket": (b"casino: [1\n", 2, 1, "no YAML"),
    "wrong indentation": (b"casino: 1\n workers: 2\n", 2, 9, "no YAML"),
    "UTF-16": ("casino: 1\n".encode("utf-16"), 1, 1, "UTF-16"),
    "UTF-32": ("casino: 1\n".encode("utf-32"), 1, 1, "UTF-32"),
    "UTF-16 without a mark": ("casino: 1\n".encode("utf-16-le"), 1, 2, "U+0000"),
    "Latin-1": ("casino: 1\n# Würfel\n".encode("latin-1"), 2, 4, "0xfc is not UTF-8"),
    "a NUL": (b"casino: 1\nteams: {\0}\n", 2, 9, "U+0000"),
    "an escape sequence": (b"casino: 1\n\x1b[31m: 1\n", 2, 1, "U+001B"),
    "binary": (bytes(range(128, 256)) * 100, 1, 1, "not UTF-8"),
    "two documents": (b"casino: 1\n---\ncasino: 1\n", 2, 1, "second document"),
    "an alias to nothing": (b"casino: 1\nteams: *games\n", 2, 8, "no anchor"),
    "an alias to itself": (b"casino: &a\n  b: *a\n", 2, 6, "within its own anchor"),
    "a billion laughs": (b"casino: 1\n" + BOMB.encode(), 6, None, "100000 values"),
    "aliases upon aliases": (
        b"a0: &a0 {k: v}\n" + b"".join(b"a%d: &a%d {k: *a%d}\n" % (n, n, n - 1) for n in range(1, 60)), 40, None, "40 levels",
    ),
    "many aliases": (b"a: &a [" + b"x, " * 5000 + b"]\nb: [" + b"*a, " * 5000 + b"]\n", 2, None, "100000 values"),
    "deep lists": (b"casino: " + b"[" * 100_000, 1, 49, "40 levels"),
    "deep mappings": (b"casino: " + b"{a: " * 100_000, 1, None, "40 levels"),
    "deep blocks": (b"".join(b" " * level + b"a:\n" for level in range(500)), 41, None, "40 levels"),
    "deep keys": (b"casino: 1\n" + b"? " * 50_000 + b"x", 2, None, "40 levels"),
    "a megabyte": (b"casino: 1\n" + b"# padding\n" * 100_000, 1, 1, "larger than 512 KiB"),
    "one long list": (b"casino: [" + b"a, " * 170_000 + b"]", 1, None, "100000 values"),
    "one long word": (b"casino: 1\n" + b"x" * 500_000, 2, None, "no YAML"),
}  # fmt: skip


def refused(path, stage=None):
    with pytest.raises(SpecErrors) as caught:
        load(path, stage)
    return caught.value


@pytest.fixture
def bounded():
    tracemalloc.start()
    started = time.process_time()
    yield
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Tracing, and whatever else the machine does, makes everything several times slower.
    assert seconds < 5 * MOST_SECONDS
    assert peak < MOST_BYTES


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(("data", "line", "column", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_no_spec_is_one_error(tmp_path, data, line, column, message):
    path = tmp_path / "spec.yaml"
    path.write_bytes(data)
    errors = refused(path)
    (problem,) = errors.problems
    assert errors.unreadable
    assert message in problem.message
    assert (problem.file, problem.line) == (str(path), line)
    assert column in {None, problem.column}


LARGE = {
    "routes": b"casino: 1\nroutes:\n"
    + b"".join(b"  r%d: {match: /r/%d, answer: {status: 404}}\n" % (number, number) for number in range(10_000)),
    "unknown keys": b"casino: 1\n" + b"".join(b"kay%d: 1\n" % number for number in range(42_000)),
    "duplicate keys": b"casino: 1\n" + b"a: 1\n" * 85_000,
    "references to nothing": b"casino: 1\nroutes:\n"
    + b"".join(b"  r%d: {match: /r/%d, to: dise%d}\n" % (number, number, number) for number in range(10_000)),
    "routes that rival": b"casino: 1\nroutes:\n"
    + b"".join(
        b"  r%d: {match: {path: /x, when: {query: {q: v%d}}}, answer: {status: 404}}\n" % (number, number)
        for number in range(5_500)
    ),
}


@pytest.mark.parametrize("data", LARGE.values(), ids=LARGE)
def test_a_large_file_is_read_within_bounded_time(tmp_path, data):
    path = tmp_path / "spec.yaml"
    path.write_bytes(data)
    started = time.process_time()
    with suppress(SpecErrors):
        load(path)
    assert time.process_time() - started < 4 * MOST_SECONDS


def test_a_byte_order_mark_moves_nothing(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbfcasino: 2\n")
    (problem,) = refused(path).problems
    assert (problem.line, problem.column) == (1, 9)


def test_columns_count_characters(tmp_path):
    path = tmp_path / "spec.yaml"
    line = "teams: {games: {contact: Übermüde 🎲, page: x}}"
    path.write_text(f"casino: 1\n{line}\n", encoding="utf-8")
    (problem,) = refused(path).problems
    assert (problem.line, problem.column) == (2, line.index("page") + 1)


def test_a_missing_file_is_unreadable(tmp_path):
    errors = refused(tmp_path / "none.yaml")
    assert errors.unreadable
    assert "there is no such file" in str(errors)


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "file.yaml/below"])
def test_an_impossible_name_is_unreadable(tmp_path, name):
    (tmp_path / "file.yaml").write_text("casino: 1")
    assert refused(f"{tmp_path}/{name}").unreadable


def test_a_file_that_opens_and_cannot_be_read_is_unreadable():
    errors = refused("/proc/self/mem")
    assert errors.unreadable
    assert "this file cannot be read: input/output error" in str(errors)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_unreadable(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("casino: 1")
    path.chmod(0)
    assert "may not be read" in str(refused(path))


def test_a_pipe_does_not_block(tmp_path):
    path = tmp_path / "spec.yaml"
    os.mkfifo(path)
    assert "not a regular file" in str(refused(path))


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/random"])
def test_a_device_is_not_read(device):
    assert "not a regular file" in str(refused(device))


def test_a_link_to_itself_is_unreadable(tmp_path):
    path = tmp_path / "spec.yaml"
    path.symlink_to(path)
    assert refused(path).unreadable
