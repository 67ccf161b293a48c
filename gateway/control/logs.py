"""What control says about itself: one JSON line per event on stderr, in ECS names.

It never waits for whoever reads stderr: a line that cannot be written at once is lost, since the loop must turn.
"""

import logging
import os
import select
import traceback
from datetime import UTC, datetime

import msgspec

_STDERR = 2
_MOST_BYTES = 4096
"""PIPE_BUF, pipe(7): a shorter write is whole or absent."""
_MOST_TRACE = 2000
_MOST_VALUE = 500
"""Characters of each value when a line would be too long otherwise."""


class Lines(logging.Handler):
    """Writes each record: its message is the event's name, `fields` (in `extra`) are the facts."""

    def __init__(self, descriptor: int = _STDERR) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or none."""
        put(line(record), self._descriptor)


def put(written: bytes, descriptor: int = _STDERR) -> bool:
    """Write a line of at most PIPE_BUF bytes if that does not wait; say whether it was written."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not any(mask & select.POLLOUT for _, mask in poll.poll(0)):
        return False
    try:
        return os.write(descriptor, written) == len(written)
    except OSError:
        return False  # nobody is left to tell


def line(record: logging.LogRecord) -> bytes:
    """Put a record into words, at most PIPE_BUF of them."""
    event: dict[str, object] = {
        "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "log.level": record.levelname.lower(),
        "event.action": record.getMessage(),
        "event.dataset": "casino.control",
        **getattr(record, "fields", {}),
    }
    if record.exc_info and record.exc_info[1]:
        fault = record.exc_info[1]
        trace = "".join(traceback.format_exception(fault))[-_MOST_TRACE:]
        event |= {"error.type": type(fault).__name__, "error.message": str(fault)[:500], "error.stack_trace": trace}
    whole = msgspec.json.encode(event) + b"\n"
    if len(whole) <= _MOST_BYTES:
        return whole
    shorter = {name: value[:_MOST_VALUE] if isinstance(value, str) else value for name, value in event.items()}
    return msgspec.json.encode(shorter)[: _MOST_BYTES - 1] + b"\n"


def set_up() -> None:
    """Let everything this process logs go to stderr."""
    logging.basicConfig(level=logging.INFO, handlers=[Lines()], force=True)
