"""What the bridge says about itself: one JSON line per event on stderr, in ECS names; lost when nobody reads."""

import logging
import os
import select
from datetime import UTC, datetime

import msgspec

_STDERR = 2
_MOST_TEXT = 600


class Lines(logging.Handler):
    """Its message is the event's name, `fields` (in `extra`) are the facts."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line if stderr takes it at once: no thread of the bridge waits for a reader."""
        event: dict[str, object] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "log.level": record.levelname.lower(),
            "event.action": record.getMessage()[:_MOST_TEXT],
            "event.dataset": "casino.bridge",
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            fault = record.exc_info[1]
            event |= {"error.type": type(fault).__name__, "error.message": str(fault)[:_MOST_TEXT]}
            event["error.stack_trace"] = logging.Formatter().formatException(record.exc_info)[-2000:]
        poll = select.poll()
        poll.register(_STDERR, select.POLLOUT)
        if any(mask & select.POLLOUT for _, mask in poll.poll(0)):
            try:
                os.write(_STDERR, msgspec.json.encode(event) + b"\n")
            except OSError:
                return  # nobody is left to tell


def set_up() -> None:
    """Let everything this process logs go to stderr; libraries only when they warn, as they may name URLs."""
    logging.basicConfig(level=logging.WARNING, handlers=[Lines()], force=True)
    logging.getLogger("casino").setLevel(logging.INFO)
