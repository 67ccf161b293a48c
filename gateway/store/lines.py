"""What a process says about itself: one JSON line per event on stderr, in ECS names.

It never waits for whoever reads stderr: a line that cannot be written at once is lost, since a process that waits for a
reader neither serves nor supervises.
"""

import logging
import os
import select
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

_STDERR = 2
_MOST_BYTES = 4096
"""PIPE_BUF, pipe(7): a shorter write is whole or absent."""
_MOST_TRACE = 2000
_MOST_VALUE = 500
"""Characters of a fault's message, and of each value when a line would be too long otherwise."""


class Line(msgspec.Struct, frozen=True):
    """One event to be told."""

    dataset: str
    """Which of our programs it is: `casino.supervisor`, `casino.control`, `casino.worker`, `casino.bridge`."""
    action: str
    """The event's name."""
    level: str
    unix_seconds: float
    fields: Mapping[str, object] = {}
    """The facts, by their ECS names."""
    fault: BaseException | None = None

    def encode(self) -> bytes:
        """Put it into words, at most PIPE_BUF bytes of them."""
        event: dict[str, object] = {
            "@timestamp": datetime.fromtimestamp(self.unix_seconds, UTC).isoformat(timespec="milliseconds"),
            "log.level": self.level,
            "event.action": self.action,
            "event.dataset": self.dataset,
            **self.fields,
        }
        if self.fault is not None:
            event |= _described(self.fault)
        whole = msgspec.json.encode(event) + b"\n"
        if len(whole) <= _MOST_BYTES:
            return whole
        shorter = {name: value[:_MOST_VALUE] if isinstance(value, str) else value for name, value in event.items()}
        return msgspec.json.encode(shorter)[: _MOST_BYTES - 1] + b"\n"


class Lines(logging.Handler):
    """Writes each record: its message is the event's name, `fields` (in `extra`) are the facts."""

    def __init__(self, dataset: str, descriptor: int = _STDERR) -> None:
        super().__init__()
        self._dataset = dataset
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or none."""
        fault = record.exc_info[1] if record.exc_info else None
        fields = getattr(record, "fields", {})
        level = record.levelname.lower()
        line = Line(self._dataset, record.getMessage(), level, record.created, fields, fault)
        put(line.encode(), self._descriptor)


def put(line: bytes, descriptor: int = _STDERR) -> bool:
    """Write a line of at most PIPE_BUF bytes if that does not wait; say whether it was written."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not any(mask & select.POLLOUT for _, mask in poll.poll(0)):
        return False
    try:
        return os.write(descriptor, line) == len(line)
    except OSError:
        return False  # nobody is left to tell


def set_up(dataset: str) -> None:
    """Let everything this process logs go to stderr; libraries only when they warn, as they may name URLs."""
    logging.basicConfig(level=logging.WARNING, handlers=[Lines(dataset)], force=True)
    logging.getLogger("casino").setLevel(logging.INFO)


def _described(fault: BaseException) -> dict[str, object]:
    trace = "".join(traceback.format_exception(fault))[-_MOST_TRACE:]
    return {
        "error.type": type(fault).__name__,
        "error.message": str(fault)[:_MOST_VALUE],
        "error.stack_trace": trace,
    }
