from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store.ring import Ring
from gateway.store.slot import Slot

LINES = st.text("abcdef", max_size=40).map(lambda text: text.encode() + b"\n")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slots")


def new_ring(directory: Path, capacity_bytes: int) -> tuple[Ring, Path]:
    path = directory / "worker-1.slot"
    path.unlink(missing_ok=True)
    ring = Slot.create(path, series=1, ring_bytes=capacity_bytes).ring
    assert ring is not None
    return ring, path


def reopened(path: Path) -> Ring:
    ring = Slot.open(path, writable=True).ring
    assert ring is not None
    return ring


STEPS = st.lists(
    st.one_of(LINES, st.integers(1, 120).map(lambda most: ("read", most)), st.just(("reopen", 0))), max_size=120
)


@given(capacity_bytes=st.integers(1, 100), steps=STEPS)
def test_any_sequence_of_puts_and_reads_equals_a_queue(
    directory: Path, capacity_bytes: int, steps: list[bytes | tuple[str, int]]
) -> None:
    ring, path = new_ring(directory, capacity_bytes)
    queue: deque[bytes] = deque()
    for step in steps:
        match step:
            case bytes():
                fits = sum(map(len, queue)) + len(step) <= capacity_bytes
                assert ring.put(step) is fits
                if fits:
                    queue.append(step)
            case ("read", most):
                lines = ring.peek(most)
                assert lines.count(b"\n") == 1 or len(lines) <= most
                for line in lines.splitlines(keepends=True):
                    assert line == queue.popleft()
                ring.advance(len(lines))
                if not lines:
                    assert not queue
            case _:
                ring = reopened(path)
        assert ring.waiting_bytes == sum(map(len, queue))


def test_a_reader_sees_what_another_mapping_put(directory: Path) -> None:
    writer, path = new_ring(directory, 64)
    reader = reopened(path)
    writer.put(b"one\n")
    assert reader.peek(100) == b"one\n"
    assert reader.peek(100) == b"one\n"
    reader.advance(4)
    assert reader.peek(100) == b""


def test_a_full_ring_takes_lines_again_once_some_are_read(directory: Path) -> None:
    ring, path = new_ring(directory, 8)
    reader = reopened(path)
    assert ring.put(b"1234567\n")
    assert not ring.put(b"x\n")
    reader.advance(8)
    assert ring.put(b"x\n")


def test_a_line_longer_than_a_batch_comes_whole_and_alone(directory: Path) -> None:
    ring, _ = new_ring(directory, 64)
    ring.put(b"a" * 30 + b"\n")
    ring.put(b"b\n")
    assert ring.peek(10) == b"a" * 30 + b"\n"
